// Passkeys with Chromium's virtual authenticator: one is made after the
// passphrase, logs in, is refused once its count goes back, and is removed.
//
//   go test -c -o /tmp/console.test ./ui
//   CONSOLE_TEST=/tmp/console.test [SHOTS=dir] node --test passkey.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { accessible, desktop, home, launch, logIn, open, pass, phone, reachable, stopHomes } from "./browser.mjs";

const shots = process.env.SHOTS;
let browser;

before(async () => {
  browser = await launch();
  if (shots) await mkdir(shots, { recursive: true });
});

after(async () => {
  await browser?.close();
  stopHomes();
});

for (const [view, viewport, colorScheme] of [["desktop", desktop, "light"], ["phone", phone, "dark"]]) {
  test(`a passkey from its making to its end, on a ${view}`, async () => {
    const base = (await home()).replace("127.0.0.1", "localhost"); // an address has no passkeys
    const { page, context, faults } = await open(browser, base, { viewport, colorScheme, expected: [403] });
    const look = async (name) => {
      await accessible(page, name);
      await reachable(page, name);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${view}-${colorScheme}.png`, fullPage: true });
    };
    const cdp = await context.newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    const logOut = async () => {
      await page.goto("/you");
      await page.locator("form[action='/logout']:visible button").first().click();
      await page.waitForURL("**/login*");
    };
    const useIt = () => page.getByRole("button", { name: "Log in with a passkey" }).click();

    await page.goto("/login");
    assert.equal(await page.getByRole("button", { name: "passkey" }).count(), 0, "offered before there is one");
    await logIn(page);
    await page.goto("/you");
    await page.getByRole("link", { name: "Add a passkey" }).click();
    await page.getByLabel("passphrase").fill(pass);
    await page.locator("form[action='/confirm'] button.primary").click();
    await page.getByLabel("What to call it").fill("Hall tablet");
    await look("passkey-add");
    await page.getByRole("button", { name: "Make the passkey" }).click();
    await page.getByText("The passkey is added.").waitFor();
    await page.locator("strong", { hasText: "Hall tablet" }).waitFor();
    await look("passkey-list");
    const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
    assert.equal(credentials.length, 1);
    assert.equal(credentials[0].rpId, "localhost");
    assert.ok(credentials[0].isResidentCredential);

    await logOut();
    await page.goto("/login?next=/ledger");
    await look("passkey-login");
    await useIt();
    await page.waitForURL((url) => url.pathname === "/ledger");

    await logOut();
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await useIt();
    await page.getByText("No passkey was used.").waitFor();
    await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });

    await cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credentials[0], signCount: 0 } }); // a copy from before
    await useIt();
    await page.getByText("the count went back").waitFor();
    await look("passkey-copied");

    await logIn(page);
    await page.goto("/you");
    await page.getByRole("button", { name: "Remove Hall tablet" }).click();
    await page.getByText("The passkey is removed.").waitFor();
    await logOut();
    assert.equal(await page.getByRole("button", { name: "passkey" }).count(), 0, "offered after the last one was removed");
    assert.deepEqual(faults, []);
    await context.close();
  });
}
