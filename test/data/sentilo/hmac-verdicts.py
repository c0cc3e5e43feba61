#!/usr/bin/env python3
r"""Writes hmac-verdicts.json: signed pushes, half of them tampered with, and whether Python's hmac finds the signature right.

The signature is that of Sentilo's callbacks:
base64(HMAC-SHA512(secret, "POST\n" + base64(MD5(body)) + "\napplication/json\n" + date + "\n" + endpoint)).

Run it in this folder; the same seed gives the same file.
"""

import base64
import hashlib
import hmac
import json
import random

COUNT = 200
SEED = 20120917
WORDS = ["Stop", "open", "26", "-3.5", "ñandú", "càrrega", "日本", "😀", '{"relay":1}', "a b", "", "line\nbreak"]
SECRETS = ["my_super_secret_key", "123456789", "clau-secreta-ç", "k", "x" * 200]
HOSTS = ["http://gw.example:8081", "https://barri.example.cat", "http://192.0.2.7:1880", "http://[2001:db8::1]:80"]
PATHS = ["", "/", "/sentilo", "/sentilo/", "/push?channel=1&x=%20", "/a/b/c#d"]


def sign(secret, body, date, endpoint):
    digest = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
    text = "\n".join(["POST", digest, "application/json", date, endpoint])
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest()).decode()


def other_character(random_, text):
    """The text with one of its characters changed to another one, or one more when it has none."""
    if not text:
        return "0"
    at = random_.randrange(len(text))
    return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]


def tampered(random_, how, push):
    """The push with one thing changed; what is signed stays as it was."""
    secret, body, date, endpoint, signature = (push[key] for key in ("secret", "body", "date", "endpoint", "signature"))
    if how == "body":
        body = other_character(random_, body)
    elif how == "body with a blank more":
        body += " "
    elif how == "date":
        date = date[:-1] + str((int(date[-1]) + 1) % 10)
    elif how == "endpoint":
        endpoint = endpoint[:-1] if endpoint.endswith("/") else endpoint + "/"
    elif how == "secret":
        secret = other_character(random_, secret)
    elif how == "truncated":
        signature = signature[: random_.randrange(len(signature))]
    elif how == "other case":
        signature = signature.swapcase()
    elif how == "base64 for URLs":
        # Without its padding, so that it differs also where neither of the two other signs occurs.
        signature = base64.urlsafe_b64encode(base64.b64decode(signature)).decode().rstrip("=")
    elif how == "hexadecimal":
        signature = base64.b64decode(signature).hex()
    return {"secret": secret, "body": body, "date": date, "endpoint": endpoint, "signature": signature}


def push_of(random_):
    secret = random_.choice(SECRETS)
    message = random_.choice(WORDS)
    seconds = random_.randrange(86400)
    date = f"{random_.randint(1, 28):02}/{random_.randint(1, 12):02}/{random_.randint(2012, 2030)}"
    date += f"T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    endpoint = random_.choice(HOSTS) + random_.choice(PATHS)
    content = {"message": message, "timestamp": date, "topic": "/order/rec/s", "type": "ORDER", "time": random_.randrange(2**41)}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return {"secret": secret, "body": body, "date": date, "endpoint": endpoint, "signature": sign(secret, body, date, endpoint)}


def main():
    random_ = random.Random(SEED)
    ways = ["body", "body with a blank more", "date", "endpoint", "secret", "truncated", "other case", "base64 for URLs", "hexadecimal"]
    verdicts = []
    for number in range(COUNT):
        push = push_of(random_)
        how = "nothing" if number % 2 == 0 else ways[number // 2 % len(ways)]
        shown = push if how == "nothing" else tampered(random_, how, push)
        right = sign(shown["secret"], shown["body"], shown["date"], shown["endpoint"])
        is_valid = hmac.compare_digest(right.encode(), shown["signature"].encode())
        verdicts.append({"changed": how, **shown, "isValid": is_valid})
    with open("hmac-verdicts.json", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in verdicts) + "\n]\n")


if __name__ == "__main__":
    main()
