:PREROUTING,INPUT,OUTPUT
*mangle
-j DADDR --set-daddr 2001:db8::46;=;OK
-j DADDR --set-daddr=2001:0DB8:0::46;-j DADDR --set-daddr 2001:db8::46;OK
-m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::46;=;OK
-j DADDR --set-daddr ::1;=;OK
-j DADDR --set-daddr ::ffff:10.128.8.46;=;OK
-j DADDR;;FAIL
-j DADDR --set-daddr ::;;FAIL
-j DADDR --set-daddr ff02::1;;FAIL
-j DADDR --set-daddr 2001:db8::46/128;;FAIL
-j DADDR --set-daddr fe80::1%eth0;;FAIL
-j DADDR --set-daddr [2001:db8::46];;FAIL
-j DADDR --set-daddr ip6-localhost;;FAIL
-j DADDR --set-daddr 10.128.8.46;;FAIL
-j DADDR --set-daddr ::1 --set-daddr ::1;;FAIL
-j DADDR ! --set-daddr ::1;;FAIL
:PREROUTING
*raw
-m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::46;=;OK
:OUTPUT
*raw
-j DADDR --set-daddr 2001:db8::46;;FAIL
:FORWARD,POSTROUTING
*mangle
-j DADDR --set-daddr 2001:db8::46;;FAIL
:INPUT,FORWARD,OUTPUT
*filter
-j DADDR --set-daddr 2001:db8::46;;FAIL
:PREROUTING,INPUT,OUTPUT,POSTROUTING
*nat
-j DADDR --set-daddr 2001:db8::46;;FAIL
