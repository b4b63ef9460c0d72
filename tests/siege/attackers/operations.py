"""What a worker is asked for: tests, pictures, starts and stops, most of cameras that say nothing."""

from tests.siege.client import Client

KIND = "camera operations"
PAUSE = 0.5
ASKED = ("test", "snapshot", "start", "stop", "restart")


async def round_of(client: Client) -> None:
    plan, dice = client.plan, client.dice
    camera = dice.choice(plan.silent) if dice.random() < 0.9 else dice.choice(plan.running)
    operation = dice.choice(ASKED)
    if camera in plan.running and operation == "stop":
        operation = "restart"
    if client.identity.kind == "session" and operation in ("test", "snapshot", "restart"):
        await client.ask(KIND, "POST", f"/cameras/{camera}/ask/{operation}/")
        return
    method = "GET" if operation == "snapshot" else "POST"
    await client.ask(KIND, method, f"/api/v1/cameras/{camera}/{operation}/")
