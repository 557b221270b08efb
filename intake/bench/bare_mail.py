"""What a library and ready-made bytes can do over one connection."""

import smtplib

LETTER = b"From: a@bench.example\r\nTo: b@bench.example\r\nSubject: Bench\r\n\r\n" + b"A line of a letter.\r\n" * 400


def send_bare(port: int, letters: int) -> int:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(letters):
            server.sendmail("a@bench.example", f"b{number}@bench.example", LETTER)
    return letters
