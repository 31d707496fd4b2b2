"""Opens mails in Thunderbird and presses the buttons of their invitations. Part of script/try-calendar.

Thunderbird is driven by Marionette, its own remote control: JSON over a socket, with JavaScript that runs in its windows
(docs/adr/0012). Each run starts with a new profile; nothing leaves this machine.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

HELP = """
  script/try-calendar alice@tideway.example instance/mail/*alice@*

Without a mail server the mails lie there. Give them in the order in which they came; a
late one may stand where it pleases. Times are on the clock of --zone.
"""
PREFERENCES: dict[str, Any] = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "calendar.alarms.show": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.dns.disabled": True,
    "network.proxy.type": 0,
}
COMMON = """
const {cal} = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const main = Services.wm.getMostRecentWindow("mail:3pane");
const pause = milliseconds => new Promise(resolve => main.setTimeout(resolve, milliseconds));
const folder = () => MailServices.accounts.defaultAccount.incomingServer.rootFolder.getChildNamed("Try");
const shown = () => Services.wm.getMostRecentWindow("mail:messageWindow")
  ?.document.getElementById("messageBrowser")?.contentWindow;
"""
# An account that never asks a server and whose answers go nowhere ("Sending of the message failed" is right), and the
# calendar that Thunderbird begins with.
SET_UP = """
const server = MailServices.accounts.createIncomingServer("nobody", "try.invalid", "pop3");
server.loginAtStartUp = false;
server.doBiff = false;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
const identity = MailServices.accounts.createIdentity();
identity.email = args[0];
identity.fullName = args[0];
const out = MailServices.outgoingServer.createServer("smtp");
out.QueryInterface(Ci.nsISmtpServer).hostname = "127.0.0.1";
out.QueryInterface(Ci.nsISmtpServer).port = 9;
identity.smtpServerKey = out.key;
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;
server.rootFolder.createSubfolder("Try", null);
const [home] = cal.manager.getCalendars();
home.setProperty("disabled", false);
home.setProperty("imip.identity.key", identity.key);
"""
OPEN = """
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(args[0]);
let key = 0;
await new Promise((resolve, reject) => MailServices.copy.copyFileMessage(file, folder(), null, false, 0, "", {
  onStartCopy() {}, onProgress() {}, getMessageId() { return null; }, setMessageKey(number) { key = number; },
  onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(status); },
}, null));
for (const old of Services.wm.getEnumerator("mail:messageWindow")) old.close();
await pause(300);
const {MailUtils} = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const header = folder().GetMessageHeader(key);
MailUtils.openMessageInNewWindow(header);
for (let tries = 0; tries < 100 && !shown()?.msgLoaded; tries++) await pause(100);
await pause(1500);
const bar = shown().document.querySelector(".calendar-notification-bar");
const tools = shown().document.getElementById("imip-view-toolbar").getElementsByTagName("toolbarbutton");
return {
  subject: header.mime2DecodedSubject,
  said: bar.collapsed ? "" : bar.querySelector(".msgNotificationBarText").textContent,
  buttons: bar.collapsed ? [] : [...tools].filter(button => button.id && !button.hidden).map(button => button.id),
};
"""
# What Thunderbird asks back ("you have deleted this") is read and agreed to.
PRESS = """
const button = shown().document.getElementById(args[0]);
main.setTimeout(() => button.doCommand(), 0);
const asked = new Set();
for (let tries = 0; tries < 25; tries++) {
  await pause(100);
  for (const dialog of Services.wm.getEnumerator(null)) {
    if (!dialog.location.href.includes("commonDialog")) continue;
    asked.add(dialog.document.getElementById("infoBody")?.textContent);
    dialog.document.querySelector("dialog").getButton("accept").click();
  }
}
return [...asked];
"""
LIST = """
const [first, last] = ["20000101T000000Z", "20990101T000000Z"].map(text => cal.createDateTime(text));
const zone = cal.timezoneService.getTimezone(args[0]);
const filter = Ci.calICalendar.ITEM_FILTER_TYPE_EVENT | Ci.calICalendar.ITEM_FILTER_CLASS_OCCURRENCES;
const found = [];
for (const calendar of cal.manager.getCalendars()) {
  for (const item of await calendar.getItemsAsArray(filter, 0, first, last)) {
    const [begins, ends] = [item.startDate, item.endDate].map(date => date.getInTimezone(zone).icalString);
    found.push([begins, ends, item.title, item.getProperty("LOCATION")]);
  }
}
return found.sort();
"""
PRESSED = (
    "imipAcceptRecurrencesButton",
    "imipAcceptButton",
    "imipUpdateButton",
    "imipAddButton",
    "imipDeleteButton",
)


class Marionette:
    """Thunderbird's remote control: commands and answers are JSON with their length before them."""

    def __init__(self, port: int) -> None:
        until = time.monotonic() + 120
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=180)
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
        self._read, self._sent = self._socket.makefile("rb"), 0
        self._answer()
        self.send("WebDriver:NewSession", capabilities={})
        self.send("Marionette:SetContext", value="chrome")

    def _answer(self) -> Any:
        length = b""
        while (sign := self._read.read(1)) != b":":
            if not sign:
                raise EOFError("Thunderbird has ended.")
            length += sign
        return json.loads(self._read.read(int(length)))

    def send(self, name: str, **parameters: Any) -> Any:
        """One command; returns its result. Raises RuntimeError with what Thunderbird says against it."""
        self._sent += 1
        text = json.dumps([0, self._sent, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._answer()
        if error:
            raise RuntimeError(error.get("message", str(error)))
        return result

    def run(self, script: str, *args: Any) -> Any:
        """JavaScript with Thunderbird's own rights, which may wait; ``args`` are there, and what it returns comes back."""
        body = (
            "const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);"
            f"(async () => {{ {COMMON} {script} }})()"
            ".then(value => done({value: value ?? null}), error => done({error: String(error)}));"
        )
        answer = self.send(
            "WebDriver:ExecuteAsyncScript",
            script=body,
            args=list(args),
            sandbox="system",
            scriptTimeout=120_000,
        )["value"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def try_mails(thunderbird: Marionette, address: str, mails: list[Path], zone: str) -> None:
    """Open the mails in order, press, and print what stands in the calendar after each."""
    thunderbird.run(SET_UP, address)
    for mail in mails:
        opened = thunderbird.run(OPEN, str(mail.resolve()))
        print(f"\n{opened['subject']}\n  {opened['said'] or 'No invitation.'}")
        button = next((name for name in PRESSED if name in opened["buttons"]), None)
        if button is not None:
            for question in thunderbird.run(PRESS, button):
                print(f"  Asked and agreed to: {question.splitlines()[0]}")
        for begins, ends, title, place in thunderbird.run(LIST, zone):
            print(f"    {begins} – {ends}  {title}, {place}")


def main() -> None:
    """The command: a display and a profile of its own, both gone afterwards."""
    parser = argparse.ArgumentParser(
        prog="script/try-calendar",
        description="Opens mails in Thunderbird, presses the buttons of their invitations, prints the calendar.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("address", help="to whom the mails were sent")
    parser.add_argument("mails", nargs="+", type=Path, help="files such as 000017-alice@tideway.example.eml")
    parser.add_argument("--zone", default="America/Los_Angeles", help="the clock to print times on")
    given = parser.parse_args()
    for program in ("thunderbird", "xvfb-run"):
        if shutil.which(program) is None:
            parser.exit(1, f"{program} is missing: install thunderbird, xvfb and xauth.\n")
    with tempfile.TemporaryDirectory(prefix="try-calendar-", ignore_cleanup_errors=True) as home:
        port, profile = free_port(), Path(home, "profile")
        profile.mkdir()
        lines = (PREFERENCES | {"marionette.port": port, "calendar.timezone.local": given.zone}).items()
        profile.joinpath("user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in lines)
        )
        command = ["xvfb-run", "-a", "thunderbird", "--no-remote", "--profile", str(profile), "--marionette"]
        with subprocess.Popen(
            [*command, "--remote-allow-system-access"],
            env={**os.environ, "HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            thunderbird = Marionette(port)
            try:
                try_mails(thunderbird, given.address, given.mails, given.zone)
            finally:
                thunderbird.send("Marionette:Quit", flags=["eForceQuit"])
                process.wait(30)


if __name__ == "__main__":
    main()
