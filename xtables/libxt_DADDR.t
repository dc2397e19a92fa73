:PREROUTING,INPUT,OUTPUT
*mangle
-j DADDR --dscp-map 7=10.128.8.46;=;OK
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;=;OK
-j DADDR --set-daddr 10.128.8.46;=;OK
-j DADDR --set-daddr=10.128.8.46;-j DADDR --set-daddr 10.128.8.46;OK
-m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46;=;OK
-m dscp --dscp-class EF -j DADDR --set-daddr 10.128.8.46;-m dscp --dscp 0x2e -j DADDR --set-daddr 10.128.8.46;OK
-j DADDR --set-daddr 127.0.0.1;=;OK
-j DADDR --set-daddr 255.255.255.254;=;OK
:PREROUTING
*raw
-j DADDR --dscp-map 7=10.128.8.46,8=10.128.8.47,46=10.128.8.48;=;OK
-j DADDR --dscp-map EF=10.128.8.48,0x8=10.128.8.47,7=10.128.8.46;-j DADDR --dscp-map 7=10.128.8.46,8=10.128.8.47,46=10.128.8.48;OK
-j DADDR --dscp-map 010=10.128.8.47 --dscp-map=7=10.128.8.46;-j DADDR --dscp-map 7=10.128.8.46,8=10.128.8.47;OK
-j DADDR --dscp-map 1=10.128.8.46,63=10.128.8.46;=;OK
-m dscp ! --dscp 0x00 -j DADDR --dscp-map 7=10.128.8.46;=;OK
-j DADDR --dscp-map 1=198.118.118.101,2=198.118.118.102,3=198.118.118.103,4=198.118.118.104,5=198.118.118.105,6=198.118.118.106,7=198.118.118.107,8=198.118.118.108,9=198.118.118.109,10=198.118.118.110,11=198.118.118.111,12=198.118.118.112,13=198.118.118.113,14=198.118.118.114,15=198.118.118.115,16=198.118.118.116;=;OK
-j DADDR --dscp-map 20=198.118.118.120,21=198.118.118.121,22=198.118.118.122,23=198.118.118.123,24=198.118.118.124,25=198.118.118.125,26=198.118.118.126,27=198.118.118.127,28=198.118.118.128,29=198.118.118.129,30=198.118.118.130,31=198.118.118.131,32=198.118.118.132,33=198.118.118.133,34=198.118.118.134,35=198.118.118.135 --dscp-map 36=198.118.118.136;=;OK
-j DADDR --dscp-map 1=198.118.118.101,2=198.118.118.102,3=198.118.118.103,4=198.118.118.104,5=198.118.118.105,6=198.118.118.106,7=198.118.118.107,8=198.118.118.108,9=198.118.118.109,10=198.118.118.110,11=198.118.118.111,12=198.118.118.112,13=198.118.118.113,14=198.118.118.114,15=198.118.118.115,16=198.118.118.116 --dscp-map 17=198.118.118.117,18=198.118.118.118,19=198.118.118.119,20=198.118.118.120,21=198.118.118.121,22=198.118.118.122,23=198.118.118.123,24=198.118.118.124,25=198.118.118.125,26=198.118.118.126,27=198.118.118.127,28=198.118.118.128,29=198.118.118.129,30=198.118.118.130,31=198.118.118.131,32=198.118.118.132 --dscp-map 33=198.118.118.133,34=198.118.118.134,35=198.118.118.135,36=198.118.118.136,37=198.118.118.137,38=198.118.118.138,39=198.118.118.139,40=198.118.118.140,41=198.118.118.141,42=198.118.118.142,43=198.118.118.143,44=198.118.118.144,45=198.118.118.145,46=198.118.118.146,47=198.118.118.147,48=198.118.118.148 --dscp-map 49=198.118.118.149,50=198.118.118.150,51=198.118.118.151,52=198.118.118.152,53=198.118.118.153,54=198.118.118.154,55=198.118.118.155,56=198.118.118.156,57=198.118.118.157,58=198.118.118.158,59=198.118.118.159,60=198.118.118.160,61=198.118.118.161,62=198.118.118.162,63=198.118.118.163;=;OK
-j DADDR --dscp-map 7;;FAIL
-j DADDR --dscp-map 0=10.128.8.46;;FAIL
-j DADDR --dscp-map 64=10.128.8.46;;FAIL
-j DADDR --dscp-map 7=10.128.8.46 --dscp-map 0x7=10.128.8.46;;FAIL
-j DADDR --dscp-map 7=10.128.8.46,;;FAIL
-j DADDR --dscp-map 7=2001:db8::46;;FAIL
-j DADDR --dscp-map 7=224.0.0.1;;FAIL
-j DADDR --dscp-map 7=10.128.8.46 --set-daddr 10.128.8.46;;FAIL
-p udp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;=;OK
-p udplite -j DADDR --set-daddr 10.128.8.46 --set-dport 443;=;OK
-p dccp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;=;OK
-p tcp -m tcp --dport 8443 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46 --set-dport 443;=;OK
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport https;-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;OK
-p udp -j DADDR --set-daddr 10.128.8.46 --set-dport domain;-p udp -j DADDR --set-daddr 10.128.8.46 --set-dport 53;OK
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 0x1bb;-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;OK
-j DADDR --set-daddr 10.128.8.46 --set-dport 443 -p tcp;-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;OK
-p tcp -j DADDR --set-dport 443 --set-daddr 10.128.8.46;-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;OK
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 1;=;OK
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 65535;=;OK
-j DADDR --set-daddr 10.128.8.46 --set-dport 443;;FAIL
! -p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;;FAIL
-p sctp -j DADDR --set-daddr 10.128.8.46 --set-dport 443;;FAIL
-p tcp -j DADDR --set-daddr 10.128.8.46 --set-dport 0;;FAIL
-p tcp -j DADDR --set-dport 443;;FAIL
-p tcp -j DADDR --dscp-map 7=10.128.8.46 --set-dport 443;;FAIL
-m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46;=;OK
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
:OUTPUT
*raw
-j DADDR --set-daddr 10.128.8.46;;FAIL
-j DADDR --dscp-map 7=10.128.8.46;;FAIL
:FORWARD,POSTROUTING
*mangle
-j DADDR --set-daddr 10.128.8.46;;FAIL
-j DADDR --dscp-map 7=10.128.8.46;;FAIL
:INPUT,FORWARD,OUTPUT
*filter
-j DADDR --set-daddr 10.128.8.46;;FAIL
:PREROUTING,INPUT,OUTPUT,POSTROUTING
*nat
-j DADDR --set-daddr 10.128.8.46;;FAIL
