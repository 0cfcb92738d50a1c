"""Lists characters that collations treat as others, beyond Unicode's decompositions and names.

Each entry of the table has a result (one or two code points in hexadecimal, or `-` for nothing), a
colon, and the characters that fold to it. The table has the remaining characters that
`login.spelling` needs to fold all characters of equal weight alike, in these collations:

- ICU 72's root collation, at its first level, with punctuation or without;
- MySQL's and MariaDB's utf8mb4_general_ci, utf8mb4_unicode_ci, utf8mb4_unicode_520_ci and
  utf8mb4_uca1400_ai_ci, of which utf8mb4_0900_ai_ci is an edition.

They are letters above others, radicals of ideographs, older and final forms, and signs without a
weight.
"""

from collections.abc import Iterator

__all__ = [
    "EQUALS",
]

_TABLE = """
-:0345,037a,03b9,0640,06de,07fa,0824,0828,0903,0982,0983,0a03,0a83,0b02,0b03
-:0c01,0c02,0c03,0c82,0c83,0d02,0d03,0d82,0d83,0f3e,0f3f,0f7f,1038,17c7,17c8
-:1b04,1b82,1ce1,1cf2,1cf3,1cf7,302e,302f,a880,a881,a983,abec,fe73,10350,10353
-:10357,1035d,10361,11000,11002,11082,11182,11302,11303,11445,114c1,115be,1163e,116ac,11838
-:119de,119df,11a2a,11a2b,11a2c,11a2d,11a39,11a3a,11a5c,11a5d,11a60,11a6b,11a6f,11a70,11a74
-:11a7a,11a7c,11a7d,11a7f,11a81,11a86,11a87,11a88,11a89,11a97,11c3e,11d26,11d46,11d96,16ff0
-:16ff1,1d165,1d166,1d16d,1d16e,1d16f,1d170,1d171,1d172 0032:09f5 0033:09f6 0034:09f7
0061:0363,1dd3,1dd4,1df2,a79b,a7c1,1f150,1f170 00610069:a737 00610073:214d 0062:1de8,1f151,1f171
0063:0368,1dd7,1f152,1f172 0064:0369,1dd8,1dd9,a77a,1f153,1f173,1f1a5 00640062:0238
0064007a:02a3 0065:0364,1f154,1f174 0066:1deb,a77c,1f155,1f175 0067:1acc,1d79,1dda,1f156,1f176
0068:036a,1f157,1f177 0069:0365,0367,1df0,1df4,a79f,1f158,1f164,1f168,1f178,1f184,1f188
006a:1f159,1f179 006b:1ddc,1f15a,1f17a 006c:1ddd,1dec,1f15b,1f17b 006d:036b,1f15c,1f17c
006e:1de0,1f15d,1f17d 006f:0366,1ded,1df3,a79d,1f15e,1f17e 0070:1dee,1f15f,1f17f,1f18a
00700061:1f18c 0071:1f160,1f180 0072:036c,1acd,1dca,1de3,a75b,a783,1f161,1f181
0073:1de4,1de5,a785,a7d9,1f162,1f182 0074:036d,1ace,a787,1f163,1f183
0076:036e,1abf,1df1,a7c3,1f165,1f166,1f185,1f186 00760063:1f18f 0078:036f,1f167,1f187
007a:1de6,1f169,1f189 0251:1de7 0259:1dea 025c:1d08 0262:1ddb 0274:1de1 0280:1de2 0283:1def
028d:1ac0 0296:02a6 029f:1dde 02a9:1df00 0430:2df6 0431:2de0 0432:2de1 0433:2de2 0434:2de3
0435:2df7 0436:2de4 0437:2de5 0438:a675 043a:2de6 043b:2de7 043c:2de8 043d:2de9
043e:2dea,a669,a66b,a66d,a66e,a699,a69b 043f:2deb 0440:2dec 0441:2ded 0442:2dee 0443:a677
0444:a69e 0445:2def 0446:2df0 0447:2df1 0448:2df2 0449:2df3 044a:a678 044b:a679 044c:a67a
044e:2dfb 0454:a674 0456:a676 0461:a67b 0463:2dfa 0465:a69f 0467:2dfd 046b:2dfe 046d:2dff
0473:2df4 05db:05da 05dd:05de 05e0:05df 05e4:05e3 05e6:05e5 0621:0674,06fd,0883,0887 0627:08ad
0645:06fe 0648:06e5,0884 064a:06e6,0885,0886 06cc:08c9 0712:072d 0713:0714,072e 0715:072f
071b:071c 0723:0724 0726:0727 07d6:07e8 07d7:07e9 07d9:07ea 0d4e:0d7c 0f62:0f6a 102b:102c
10d0:2d00 10d1:2d01 10d2:2d02 10d3:2d03 10d4:2d04 10d5:2d05 10d6:2d06 10d7:2d07 10d8:2d08
10d9:2d09 10da:2d0a 10db:2d0b 10dc:2d0c 10dd:2d0d 10de:2d0e 10df:2d0f 10e0:2d10 10e1:2d11
10e2:2d12 10e3:2d13 10e4:2d14 10e5:2d15 10e6:2d16 10e7:2d17 10e8:2d18 10e9:2d19 10ea:2d1a
10eb:2d1b 10ec:2d1c 10ed:2d1d 10ee:2d1e 10ef:2d1f 10f0:2d20 10f1:2d21 10f2:2d22 10f3:2d23
10f4:2d24 10f5:2d25 16a0:16a1 16a2:16a4,16a5 16a6:16a7 16a8:16a9,16ac,16ad,16ae
16b2:16b3,16b4,16b5,16b6 16b9:16e9 16ba:16bb,16bc,16bd 16be:16bf,16c0 16c1:16c2 16c3:16c4
16c5:16c6 16c8:16d5 16ca:16cb,16cc,16cd,16ce,16ea 16cf:16d0,16d1 16d2:16d3,16d4 16d7:16d8,16d9
16da:16db 16dc:16dd 16e6:16e7,16e8 1a26:1a58,1a59 1a3b:1a5a,1a5b 1a63:1a64 1b83:1bba 1b8a:1bbe
1b99:1bbf 1bc0:1bc1 1bc2:1bc3,1bc4 1bc5:1bc6 1bc7:1bc8 1bc9:1bca 1bcb:1bcc,1bcd 1bce:1bcf
1bd2:1bd3 1bd4:1bd5 1bd6:1bd7 1bd8:1bd9,1bda 1bdb:1bdc 1bde:1bdf 1be7:1be8 1bea:1beb 1bec:1bed
1bee:1bef 1ceb:1ce9,1cea,1cee,1cef,1cf0,1cf1,1cfa 1d09:1d4e 1d0d:1ddf 2e80:4e36 2e81:5382
2e82:4e5b 2e83:4e5a 2e85:4ebb 2e86:5182 2e87:51e0 2e88:5200 2e89:5202 2e8a:535c 2e8b:5369
2e8c:2e8d,5c0f 2e8e:2e90,5c22 2e8f:2e91,5c23 2e92:5df3 2e93:5e7a 2e94:5f51 2e95:5f50 2e96:5fc4
2e97:5fc3 2e98:624c 2e99:6535 2e9b:65e1 2e9e:6b7a 2ea0:6c11 2ea1:6c35 2ea2:6c3a 2ea3:706c
2ea4:2ea5,722b 2ea6:4e2c 2ea7:725b 2ea8:72ad 2eaa:758b 2eab:76ee 2eac:793a 2ead:793b 2eae:7af9
2eaf:7cf9 2eb0:7e9f 2eb1:2eb3,2eb4,7f53 2eb2:2eb5,7f52 2eb6:2eb7,7f8a 2eb8:7f8b 2eb9:8002
2eba:8080 2ebb:807f 2ebc:8089 2ebd:81fc 2ec1:864e 2ec2:8864 2ec3:8980 2ec4:897f 2ec5:89c1
2ec6:2ec7,89d2 2ec8:8ba0 2ec9:8d1d 2eca:8db3 2ecb:8f66 2ecc:2ecd,2ece,8fb6 2ecf:9091 2ed0:9485
2ed1:9577 2ed2:9578 2ed3:957f 2ed4:95e8 2ed5:961c 2ed6:961d 2ed7:96e8 2ed8:9752 2ed9:97e6
2eda:9875 2edb:98ce 2edc:98de 2edd:98df 2ede:2edf,98e0 2ee0:9963 2ee1:9996 2ee2:9a6c 2ee3:9aa8
2ee4:9b3c 2ee5:9c7c 2ee6:9e1f 2ee7:9e75 2ee8:9ea6 2ee9:9ec4 2eeb:9f4a 2eec:9f50 2eed:9f52
2eee:9f7f 2ef0:9f99 3031:3032 3033:3034 30f0:1b150,1b164 30f1:1b151,1b165 30f2:1b152,1b166
30f3:1b167 3105:31a0 3106:31b4 310a:31b5 310d:31a3,31bb 310e:31b6 310f:31b7 3110:31a2 3117:31a1
311a:31a9 311b:311c,31a7 311e:31ae 3120:31af 3127:31aa,31b3 3128:31a8,31ab 31a4:31a5 4e59:2e84
65e5:2e9c 6708:2e9d 738b:2ea9 8279:2ebe,2ebf,2ec0 9efe:2eea 9f8d:2eef 9f9c:2ef1,2ef2 a558:a610
a56a:a611 a56e:a62a a587:a612 a5d1:a62b a649:2df8 a64b:2df9 a657:2dfc a733:10780 a735:1dd5
a739:1dd6 a76f:1dd2 a7b5:1de9 a8f2:a8f3,a8f4,a8f5,a8f6,a8f7 a9ab:a9ac a9b4:a9b5
"""


def _entries() -> Iterator[tuple[str, str]]:
    for entry in _TABLE.split():
        target, _, members = entry.partition(":")
        folded = "".join(chr(int(target[at : at + 4], 16)) for at in range(0, len(target) - 3, 4))
        yield from ((chr(int(member, 16)), folded) for member in members.split(","))


EQUALS = dict(_entries())
"""Maps a character to its folding."""
