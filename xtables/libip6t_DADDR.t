:PREROUTING,INPUT,OUTPUT
*mangle
-j DADDR --dscp-map 7=2001:db8::46;=;OK
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;=;OK
-j DADDR --set-daddr 2001:db8::46;=;OK
-j DADDR --set-daddr=2001:0DB8:0::46;-j DADDR --set-daddr 2001:db8::46;OK
-m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::46;=;OK
-j DADDR --set-daddr ::1;=;OK
-j DADDR --set-daddr ::ffff:10.128.8.46;=;OK
:PREROUTING
*raw
-j DADDR --dscp-map 7=2001:db8::46,8=2001:db8::47,46=2001:db8::48;=;OK
-j DADDR --dscp-map EF=2001:db8::48,0x8=2001:db8::47,7=2001:db8::46;-j DADDR --dscp-map 7=2001:db8::46,8=2001:db8::47,46=2001:db8::48;OK
-j DADDR --dscp-map 010=2001:db8::47 --dscp-map=7=2001:db8::46;-j DADDR --dscp-map 7=2001:db8::46,8=2001:db8::47;OK
-j DADDR --dscp-map 1=2001:db8::46,63=2001:db8::46;=;OK
-m dscp ! --dscp 0x00 -j DADDR --dscp-map 7=2001:db8::46;=;OK
-j DADDR --dscp-map 1=2001:db8:1234:5678:9abc:def0:fedc:ba01,2=2001:db8:1234:5678:9abc:def0:fedc:ba02,3=2001:db8:1234:5678:9abc:def0:fedc:ba03,4=2001:db8:1234:5678:9abc:def0:fedc:ba04,5=2001:db8:1234:5678:9abc:def0:fedc:ba05,6=2001:db8:1234:5678:9abc:def0:fedc:ba06,7=2001:db8:1234:5678:9abc:def0:fedc:ba07,8=2001:db8:1234:5678:9abc:def0:fedc:ba08,9=2001:db8:1234:5678:9abc:def0:fedc:ba09,10=2001:db8:1234:5678:9abc:def0:fedc:ba0a,11=2001:db8:1234:5678:9abc:def0:fedc:ba0b,12=2001:db8:1234:5678:9abc:def0:fedc:ba0c,13=2001:db8:1234:5678:9abc:def0:fedc:ba0d,14=2001:db8:1234:5678:9abc:def0:fedc:ba0e,15=2001:db8:1234:5678:9abc:def0:fedc:ba0f,16=2001:db8:1234:5678:9abc:def0:fedc:ba10;=;OK
-j DADDR --dscp-map 20=2001:db8:1234:5678:9abc:def0:fedc:ba14,21=2001:db8:1234:5678:9abc:def0:fedc:ba15,22=2001:db8:1234:5678:9abc:def0:fedc:ba16,23=2001:db8:1234:5678:9abc:def0:fedc:ba17,24=2001:db8:1234:5678:9abc:def0:fedc:ba18,25=2001:db8:1234:5678:9abc:def0:fedc:ba19,26=2001:db8:1234:5678:9abc:def0:fedc:ba1a,27=2001:db8:1234:5678:9abc:def0:fedc:ba1b,28=2001:db8:1234:5678:9abc:def0:fedc:ba1c,29=2001:db8:1234:5678:9abc:def0:fedc:ba1d,30=2001:db8:1234:5678:9abc:def0:fedc:ba1e,31=2001:db8:1234:5678:9abc:def0:fedc:ba1f,32=2001:db8:1234:5678:9abc:def0:fedc:ba20,33=2001:db8:1234:5678:9abc:def0:fedc:ba21,34=2001:db8:1234:5678:9abc:def0:fedc:ba22,35=2001:db8:1234:5678:9abc:def0:fedc:ba23 --dscp-map 36=2001:db8:1234:5678:9abc:def0:fedc:ba24;=;OK
-j DADDR --dscp-map 1=2001:db8:1234:5678:9abc:def0:fedc:ba01,2=2001:db8:1234:5678:9abc:def0:fedc:ba02,3=2001:db8:1234:5678:9abc:def0:fedc:ba03,4=2001:db8:1234:5678:9abc:def0:fedc:ba04,5=2001:db8:1234:5678:9abc:def0:fedc:ba05,6=2001:db8:1234:5678:9abc:def0:fedc:ba06,7=2001:db8:1234:5678:9abc:def0:fedc:ba07,8=2001:db8:1234:5678:9abc:def0:fedc:ba08,9=2001:db8:1234:5678:9abc:def0:fedc:ba09,10=2001:db8:1234:5678:9abc:def0:fedc:ba0a,11=2001:db8:1234:5678:9abc:def0:fedc:ba0b,12=2001:db8:1234:5678:9abc:def0:fedc:ba0c,13=2001:db8:1234:5678:9abc:def0:fedc:ba0d,14=2001:db8:1234:5678:9abc:def0:fedc:ba0e,15=2001:db8:1234:5678:9abc:def0:fedc:ba0f,16=2001:db8:1234:5678:9abc:def0:fedc:ba10 --dscp-map 17=2001:db8:1234:5678:9abc:def0:fedc:ba11,18=2001:db8:1234:5678:9abc:def0:fedc:ba12,19=2001:db8:1234:5678:9abc:def0:fedc:ba13,20=2001:db8:1234:5678:9abc:def0:fedc:ba14,21=2001:db8:1234:5678:9abc:def0:fedc:ba15,22=2001:db8:1234:5678:9abc:def0:fedc:ba16,23=2001:db8:1234:5678:9abc:def0:fedc:ba17,24=2001:db8:1234:5678:9abc:def0:fedc:ba18,25=2001:db8:1234:5678:9abc:def0:fedc:ba19,26=2001:db8:1234:5678:9abc:def0:fedc:ba1a,27=2001:db8:1234:5678:9abc:def0:fedc:ba1b,28=2001:db8:1234:5678:9abc:def0:fedc:ba1c,29=2001:db8:1234:5678:9abc:def0:fedc:ba1d,30=2001:db8:1234:5678:9abc:def0:fedc:ba1e,31=2001:db8:1234:5678:9abc:def0:fedc:ba1f,32=2001:db8:1234:5678:9abc:def0:fedc:ba20 --dscp-map 33=2001:db8:1234:5678:9abc:def0:fedc:ba21,34=2001:db8:1234:5678:9abc:def0:fedc:ba22,35=2001:db8:1234:5678:9abc:def0:fedc:ba23,36=2001:db8:1234:5678:9abc:def0:fedc:ba24,37=2001:db8:1234:5678:9abc:def0:fedc:ba25,38=2001:db8:1234:5678:9abc:def0:fedc:ba26,39=2001:db8:1234:5678:9abc:def0:fedc:ba27,40=2001:db8:1234:5678:9abc:def0:fedc:ba28,41=2001:db8:1234:5678:9abc:def0:fedc:ba29,42=2001:db8:1234:5678:9abc:def0:fedc:ba2a,43=2001:db8:1234:5678:9abc:def0:fedc:ba2b,44=2001:db8:1234:5678:9abc:def0:fedc:ba2c,45=2001:db8:1234:5678:9abc:def0:fedc:ba2d,46=2001:db8:1234:5678:9abc:def0:fedc:ba2e,47=2001:db8:1234:5678:9abc:def0:fedc:ba2f,48=2001:db8:1234:5678:9abc:def0:fedc:ba30 --dscp-map 49=2001:db8:1234:5678:9abc:def0:fedc:ba31,50=2001:db8:1234:5678:9abc:def0:fedc:ba32,51=2001:db8:1234:5678:9abc:def0:fedc:ba33,52=2001:db8:1234:5678:9abc:def0:fedc:ba34,53=2001:db8:1234:5678:9abc:def0:fedc:ba35,54=2001:db8:1234:5678:9abc:def0:fedc:ba36,55=2001:db8:1234:5678:9abc:def0:fedc:ba37,56=2001:db8:1234:5678:9abc:def0:fedc:ba38,57=2001:db8:1234:5678:9abc:def0:fedc:ba39,58=2001:db8:1234:5678:9abc:def0:fedc:ba3a,59=2001:db8:1234:5678:9abc:def0:fedc:ba3b,60=2001:db8:1234:5678:9abc:def0:fedc:ba3c,61=2001:db8:1234:5678:9abc:def0:fedc:ba3d,62=2001:db8:1234:5678:9abc:def0:fedc:ba3e,63=2001:db8:1234:5678:9abc:def0:fedc:ba3f;=;OK
-j DADDR --dscp-map 7;;FAIL
-j DADDR --dscp-map 0=2001:db8::46;;FAIL
-j DADDR --dscp-map 64=2001:db8::46;;FAIL
-j DADDR --dscp-map 7=2001:db8::46 --dscp-map 0x7=2001:db8::46;;FAIL
-j DADDR --dscp-map 7=2001:db8::46,;;FAIL
-j DADDR --dscp-map 7=10.128.8.46;;FAIL
-j DADDR --dscp-map 7=ff02::1;;FAIL
-j DADDR --dscp-map 7=2001:db8::46 --set-daddr 2001:db8::46;;FAIL
-p udp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;=;OK
-p udplite -j DADDR --set-daddr 2001:db8::46 --set-dport 443;=;OK
-p dccp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;=;OK
-p tcp -m tcp --dport 8443 -m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::46 --set-dport 443;=;OK
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport https;-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;OK
-p udp -j DADDR --set-daddr 2001:db8::46 --set-dport domain;-p udp -j DADDR --set-daddr 2001:db8::46 --set-dport 53;OK
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 0x1bb;-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;OK
-j DADDR --set-daddr 2001:db8::46 --set-dport 443 -p tcp;-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;OK
-p tcp -j DADDR --set-dport 443 --set-daddr 2001:db8::46;-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;OK
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 1;=;OK
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 65535;=;OK
-j DADDR --set-daddr 2001:db8::46 --set-dport 443;;FAIL
! -p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;;FAIL
-p sctp -j DADDR --set-daddr 2001:db8::46 --set-dport 443;;FAIL
-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 0;;FAIL
-p tcp -j DADDR --set-dport 443;;FAIL
-p tcp -j DADDR --dscp-map 7=2001:db8::46 --set-dport 443;;FAIL
-m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::46;=;OK
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
:OUTPUT
*raw
-j DADDR --set-daddr 2001:db8::46;;FAIL
-j DADDR --dscp-map 7=2001:db8::46;;FAIL
:FORWARD,POSTROUTING
*mangle
-j DADDR --set-daddr 2001:db8::46;;FAIL
-j DADDR --dscp-map 7=2001:db8::46;;FAIL
:INPUT,FORWARD,OUTPUT
*filter
-j DADDR --set-daddr 2001:db8::46;;FAIL
:PREROUTING,INPUT,OUTPUT,POSTROUTING
*nat
-j DADDR --set-daddr 2001:db8::46;;FAIL
