:PREROUTING,INPUT,OUTPUT
*mangle
-j DADDR --set-daddr 10.128.8.46;=;OK
-j DADDR --set-daddr=10.128.8.46;-j DADDR --set-daddr 10.128.8.46;OK
-m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46;=;OK
-m dscp --dscp-class EF -j DADDR --set-daddr 10.128.8.46;-m dscp --dscp 0x2e -j DADDR --set-daddr 10.128.8.46;OK
-j DADDR --set-daddr 127.0.0.1;=;OK
-j DADDR --set-daddr 255.255.255.254;=;OK
-j DADDR;;FAIL
-j DADDR --set-daddr;;FAIL
-j DADDR --set-daddr 0.0.0.0;;FAIL
-j DADDR --set-daddr 224.0.0.1;;FAIL
-j DADDR --set-daddr 255.255.255.255;;FAIL
-j DADDR --set-daddr 10.128.8;;FAIL
-j DADDR --set-daddr 10.128.8.46/32;;FAIL
-j DADDR --set-daddr 10.128.8.46,10.128.8.47;;FAIL
-j DADDR --set-daddr localhost;;FAIL
-j DADDR --set-daddr 2001:db8::46;;FAIL
-j DADDR --set-daddr 10.128.8.46 --set-daddr 10.128.8.46;;FAIL
-j DADDR ! --set-daddr 10.128.8.46;;FAIL
:PREROUTING
*raw
-m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46;=;OK
:OUTPUT
*raw
-j DADDR --set-daddr 10.128.8.46;;FAIL
:FORWARD,POSTROUTING
*mangle
-j DADDR --set-daddr 10.128.8.46;;FAIL
:INPUT,FORWARD,OUTPUT
*filter
-j DADDR --set-daddr 10.128.8.46;;FAIL
:PREROUTING,INPUT,OUTPUT,POSTROUTING
*nat
-j DADDR --set-daddr 10.128.8.46;;FAIL
