// An owner who has never seen the program: from an empty data folder to a
// camera that is recorded, on a phone, with a real hub, a scripted ONVIF device
// and its real streams. Then settings, a mistake in one, and an edit by hand.
//
//   SETUP_URL=http://… SETUP_DATA=dir CAMERA="host:port user password" [SHOTS=dir] node --test setup.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accessible, desktop, launch, open, phone, reachable } from "./browser.mjs";

const { SETUP_URL, SETUP_DATA, CAMERA, SHOTS: shots } = process.env;
const file = join(SETUP_DATA, "gatehouse.yml");
const pass = "correct horse battery";
const [address, user, ...rest] = CAMERA.split(" ");
let browser;

before(async () => {
  browser = await launch();
  if (shots) await mkdir(shots, { recursive: true });
});
after(() => browser?.close());

/** Looks at a page: picture, accessibility, targets. */
async function look(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/setup-${name}.png`, fullPage: true });
  await accessible(page, name);
  await reachable(page, name);
}

test("first run, on a phone", async () => {
  const { page, context, faults } = await open(browser, SETUP_URL, { viewport: phone, expected: [422] });
  await page.goto("/");
  await page.getByLabel("Choose a passphrase").fill(pass);
  await page.getByLabel("The same again").fill(pass);
  await look(page, "1-passphrase");
  await page.getByRole("button", { name: "Set passphrase" }).click();

  await page.getByRole("heading", { name: "Your home" }).waitFor();
  await page.getByLabel("Name").fill("Porch Street");
  await page.getByLabel("Time zone").fill("Europe/Madrit");
  await page.getByLabel("Latitude").fill("52,5096");
  await page.getByRole("button", { name: "Save and go on" }).click();
  await page.getByText("unknown time zone").waitFor();
  assert.equal(await page.getByLabel("Name").inputValue(), "Porch Street", "nothing typed may be lost");
  await look(page, "2-home-mistake");
  await page.getByLabel("Time zone").fill("Europe/Madrid");
  await page.getByLabel("Longitude").fill("13.3759");
  await page.getByRole("button", { name: "Save and go on" }).click();

  await page.getByRole("heading", { name: "Where footage is kept" }).waitFor();
  await look(page, "3-storage");
  // Somebody closes the browser here, and comes back another day.
  await page.goto("/");
  await page.getByRole("heading", { name: "Where footage is kept" }).waitFor();
  await page.getByRole("link", { name: "Back" }).click();
  assert.equal(await page.getByLabel("Time zone").inputValue(), "Europe/Madrid");
  await page.goto("/");
  await page.getByRole("button", { name: "Not now" }).click();

  await page.getByRole("heading", { name: "Your cameras" }).waitFor();
  await look(page, "4-cameras");
  await page.getByRole("link", { name: "Add a camera" }).click();
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("User name of the camera").fill(user);
  await page.getByLabel("Password of the camera").fill("wrong");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("The camera does not take this login.").waitFor();
  assert.equal(await page.getByLabel("Address").inputValue(), address);
  assert.equal(await page.getByLabel("Password of the camera").inputValue(), "");
  await look(page, "5-add-login");
  await page.getByLabel("Password of the camera").fill(rest.join(" "));
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("The camera answers. Choose what to record, and see").waitFor();
  await page.getByLabel("What you call it").pressSequentially("Einfahrt Süd 🚗");
  assert.equal(await page.getByLabel("Short name").inputValue(), "einfahrt-sud");
  await page.getByLabel("Short name").fill("Front Door");
  assert.equal(await page.locator("[name=exterior]:checked, [name=sound]:checked").count(), 0, "where it looks and its sound are chosen by nobody else");
  await page.getByLabel("At the outside").check();
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("should be 1 to 32 of a-z").waitFor();
  assert.equal(await page.getByLabel("What you call it").inputValue(), "Einfahrt Süd 🚗");
  await page.getByLabel("Short name").fill("front");
  await look(page, "6-draft");
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByRole("heading", { name: "What came" }).waitFor({ timeout: 90_000 });
  await page.waitForFunction(() => [...document.querySelectorAll(".stills img")].every((i) => i.complete && i.naturalWidth > 0));
  assert.ok(await page.locator(".stills img").count() > 2, "pictures of both streams");
  await look(page, "6-tried");
  await page.getByRole("button", { name: "Save the camera" }).click();
  await page.getByText("The camera sends, and is being recorded.").waitFor({ timeout: 60_000 });
  await page.getByText("Einfahrt Süd 🚗", { exact: true }).waitFor();
  await look(page, "7-cameras-with-one");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Nothing leaves this home unless you approve it.").waitFor();
  await look(page, "8-sharing");
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByRole("heading", { name: "Live" }).waitFor();
  await page.getByRole("link", { name: "Einfahrt Süd" }).waitFor();
  const text = await readFile(file, "utf8");
  for (const want of ["# Gatehouse.", "name: Porch Street", "lat: 52.5096", "- name: front\n", "label: \"Einfahrt Süd 🚗\"\n", "onvif: http://"]) assert.ok(text.includes(want), `${want} in\n${text}`);
  assert.deepEqual(faults, []);
  await context.close();
});

test("settings, on a desktop", async () => {
  const { page, context, faults } = await open(browser, SETUP_URL, { viewport: desktop, colorScheme: "dark", expected: [409, 422] });
  await page.goto("/login");
  await page.getByLabel("Passphrase").fill(pass);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/");
  for (const path of ["", "/health", "/cameras", "/camera/front", "/home", "/telling", "/sending", "/limits", "/https", "/live", "/doorbell", "/access", "/storage", "/feeds", "/storage/new", "/feeds/new", "/cameras/add"]) {
    await page.goto(`/settings${path}`);
    const body = await page.textContent("main");
    assert.ok(!body.includes(rest.join(" ")) && !(await page.content()).includes(encodeURIComponent(rest.join(" "))), `${path} shows the password`);
    await look(page, `settings${path.replaceAll("/", "-")}`);
  }

  // What is wrong stands beside its field, and what was typed stays.
  await page.goto("/settings/telling");
  await page.getByLabel("Quiet hours").fill("22:00-7");
  await page.getByLabel("Rings of one agency").fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("not a time of day").waitFor();
  assert.equal(await page.getByLabel("Rings of one agency").inputValue(), "2");
  await page.getByLabel("Quiet hours").fill("22:00-07:00");

  // A person edits the file meanwhile: nothing of theirs is lost.
  const text = (await readFile(file, "utf8")).replace("name: Porch Street", "name: Alder Street # since May");
  await writeFile(file, text);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("was changed while this page was open").waitFor();
  assert.equal(await readFile(file, "utf8"), text);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  const now = await readFile(file, "utf8");
  assert.ok(now.startsWith(text.trimEnd()), "the edit by hand stays");
  await page.reload();
  assert.equal(await page.getByLabel("Quiet hours").inputValue(), "22:00-07:00");
  await page.goto("/settings/home");
  assert.equal(await page.getByLabel("Name").inputValue(), "Alder Street");

  // Pause, rename, remove, without a restart.
  await page.goto("/settings/camera/front");
  await page.getByRole("button", { name: "Pause this camera" }).click();
  await page.getByRole("button", { name: "Record this camera again" }).click();
  await page.getByRole("button", { name: "Pause this camera" }).waitFor();
  await page.getByLabel("New short name").fill("porch");
  await page.getByRole("button", { name: "Change the short name" }).click();
  await page.getByRole("link", { name: "Einfahrt Süd 🚗 porch" }).click();
  await page.getByRole("button", { name: "Remove this camera" }).click();
  await page.getByText("The camera is removed.").waitFor();
  await page.goto("/timeline/front");
  await page.getByRole("heading").first().waitFor();
  assert.ok((await readFile(file, "utf8")).includes("cameras:\n") && !(await readFile(file, "utf8")).includes("rtsp://"));
  assert.deepEqual(faults, []);
  await context.close();
});
