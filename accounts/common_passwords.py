"""Passwords that anyone tries first: words and keyboard paths, without the digits that people put behind them.

Shorter ones stand here too, because "password2027!" is one of them with something behind it. Repetitions and runs of
letters or digits are found by rule (``accounts.passwords.is_common``).
"""

_WORDS = """
password passwort passphrase password1 passw0rd p@ssw0rd p@ssword pa$$word pass1word mypassword yourpassword
thepassword newpassword oldpassword changeme changemenow changethis changepassword letmein letmeinnow
pleaseletmein welcome welcomeback welcomehome administrator admin adminadmin adminpassword rootroot rootpassword
superuser superadmin default defaultpassword temporary temppassword testtest testpassword tester testing guest
guestguest secret topsecret secretpassword mysecret iloveyou iloveyouso iloveme loveyou lovelove trustno1
whatever whatever1 qwerty qwertyuiop qwertyuio qwertz qwertzuiop azerty azertyuiop asdfgh asdfghjkl asdfasdf
qweasd qweasdzxc zxcvbn zxcvbnm zxcvbnmasd qazwsx qazwsxedc qazwsxedcrfv 1qaz2wsx 1qaz2wsx3edc 1q2w3e4r
1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsx zaq1zaq1 zaq1xsw2 1234qwer qwer1234 qwerty1234
1234qwerasdf abcd1234 abc123 abc12345 a1b2c3d4 a1b2c3d4e5 aa12345678 1234567890 0123456789 9876543210 0987654321
1029384756 147258369 1472583690 123456789a 123456789q 12345qwert 1234554321 12344321 11223344 1122334455
112233445566 5544332211 123qwe123 123qweasd 123qweasdzxc 123321123 1231231234 1234561234 7777777a football
baseball basketball volleyball hockey soccer superman batman spiderman starwars pokemon dragon dragonball monkey
tigger sunshine princess butterfly chocolate cheesecake blueberry strawberry watermelon rainbow unicorn freedom
forever friends jordan michael michelle jennifer jessica charlie alexander elizabeth victoria samantha shadow
master mustang corvette ferrari porsche mercedes computer internet samsung google facebook linkedin microsoft
windows liverpool arsenal chelsea manchester barcelona realmadrid newyork america california london summer
summertime winter wintertime autumn spring january february september october november december monday friday
saturday sunday birthday happybirthday merry christmas merrychristmas goodluck godisgood jesus jesuschrist
blessed thankyou helloworld hellohello hello correcthorsebatterystaple opensesame abracadabra nopassword
ineedapassword idontknow nothing something anything craniosacral massage massagetherapist massagetherapy
bodywork stillpoint therapist student instructor teacher school training classroom
"""

COMMON = frozenset(_WORDS.split())
