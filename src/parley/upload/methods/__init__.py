"""The kinds of work that a ticket may ask for; one file each."""

from parley.upload.methods.arithmetic import Arithmetic
from parley.upload.methods.captcha import Captcha, ReadCaptcha, captcha_text
from parley.upload.methods.memory_hard import MemoryHard
from parley.upload.methods.payment import IsPaid, PayAmount, Payment
from parley.upload.methods.subscription import NameSender, NameSubscription, Subscription
from parley.upload.methods.wait import Wait, WaitUntil

__all__ = [
    "Arithmetic",
    "Captcha",
    "IsPaid",
    "MemoryHard",
    "NameSender",
    "NameSubscription",
    "PayAmount",
    "Payment",
    "ReadCaptcha",
    "Subscription",
    "Wait",
    "WaitUntil",
    "captcha_text",
]
