# Prints 2,000 random codes of each kind with python-stdnum's verdict: half made valid, half with one character changed.
import random
from stdnum.cn import ric, uscc

random.seed(11643)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]


def organisation():
    body = random.choice("1592") + random.choice("123") + random.choice(["110000", "433101", "360426"])
    body += "".join(random.choice(ALPHABET) for _ in range(9))
    total = sum(ALPHABET.index(c) * w for c, w in zip(body, WEIGHTS))
    return body + ALPHABET[(31 - total % 31) % 31]


def person():
    # After 1992: python-stdnum also knows since when a region has had its code, which is not ours to judge.
    birth = "%04d%02d%02d" % (random.randint(1993, 2020), random.randint(1, 12), random.randint(1, 28))
    body = random.choice(["110101", "433101", "360426"]) + birth + "%03d" % random.randint(0, 999)
    total = sum(int(c) * w for c, w in zip(body, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]))
    return body + "10X98765432"[total % 11]


for name, make, check, alphabet, start in [
    ("uscc", organisation, uscc.is_valid, ALPHABET, 8),
    ("ric", person, ric.is_valid, "0123456789", 14),
]:
    for nth in range(2000):
        code = make()
        if nth % 2:
            # Past the region and the date, which python-stdnum looks up in tables that are not ours to judge.
            at = random.randint(start, 16)
            code = code[:at] + random.choice([c for c in alphabet if c != code[at]]) + code[at + 1 :]
        print(name, code, int(check(code)))
