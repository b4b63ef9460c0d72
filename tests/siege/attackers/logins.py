"""Sign-ins of strangers, from ever other addresses: wrong, empty, long, and for the victim's own account."""

import json
from urllib.parse import urlencode

from tests.siege.client import JSON, TOKEN, Client

KIND = "sign-ins"
PAUSE = 0.5
CSRF = "s" * 32
"""Double submit: whoever sends a cookie of their own need not load the page first."""


async def round_of(client: Client) -> None:
    plan, dice = client.plan, client.dice
    host = dice.choice([plan.host, plan.victims_host])
    email = dice.choice(
        [plan.victims_email, f"{dice.randint(1, 10**9)}@siege.test", client.identity.email, ""]
    )
    password = dice.choice(["wrong", "w" * 3_000, "", "\u0130" * 128])
    if dice.random() < 0.5:
        body = json.dumps({"email": email, "password": password}).encode()
        headers = {"Host": host, **JSON}
        await client.anyhow(KIND, "POST", TOKEN, body, headers, client.stranger())
        return
    form = {"username": email, "password": password, "csrfmiddlewaretoken": CSRF}
    headers = {
        "Host": host,
        "Cookie": f"csrftoken={CSRF}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    await client.anyhow(KIND, "POST", "/login/", urlencode(form).encode(), headers, client.stranger())
