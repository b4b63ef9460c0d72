"""What a browser refuses because of the content security policy, on whatever pages it opens."""

from playwright.sync_api import BrowserContext, ConsoleMessage

LISTEN = """
document.addEventListener("securitypolicyviolation", event =>
  noteViolation(`${location.pathname}: ${event.effectiveDirective} refuses ${event.blockedURI}`));
"""


def violations(context: BrowserContext) -> list[str]:
    """A list that grows with each violation on any page that the context opens from now on."""
    found: list[str] = []
    context.expose_function("noteViolation", lambda line: found.append(line))
    context.add_init_script(LISTEN)

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            found.append(message.text)

    context.on("console", hear)
    context.on("weberror", lambda error: found.append(f"script failed: {error.error}"))
    return found
