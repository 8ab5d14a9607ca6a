// Zones of motion, drawn on a camera's picture: by mouse, by finger, and by typing.
//
//   CONSOLE_TEST=PATH [SHOTS=dir] node --test area.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { accessible, desktop, home, launch, open, phone, stopHomes } from "./browser.mjs";

const { SHOTS: shots } = process.env;
let browser, base;
before(async () => { [browser, base] = await Promise.all([launch(), home()]); });
after(async () => {
  await browser?.close();
  stopHomes();
});

for (const [viewport, colorScheme] of [[desktop, "light"], [phone, "dark"]]) {
  test(`zones on the picture, ${viewport === phone ? "phone" : "desktop"}`, async () => {
    const { page, context, faults } = await open(browser, base, { viewport, colorScheme });
    await page.goto(`/_gallery/open?${new URLSearchParams({ home: "well", to: "/settings/camera/Driveway", language: "en", looks: colorScheme })}`);
    const field = page.getByLabel("Where motion counts"), svg = page.locator("gh-area svg");
    await page.getByRole("button", { name: "Take back a corner" }).waitFor();
    await svg.scrollIntoViewIfNeeded();
    const box = await svg.boundingBox();
    const press = (x, y) => page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    const corners = () => field.inputValue().then((text) => text.split("\n").map((l) => (l.match(/,/g) ?? []).length + 1));

    assert.deepEqual(await corners(), [4, 3], "the zones of the file");
    assert.equal(await svg.locator("circle").count(), 7);
    await field.fill("");
    await page.getByRole("button", { name: "New area", exact: true }).click();
    for (const [x, y] of [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.5, 0.95]]) await press(x, y);
    await page.getByRole("button", { name: "New area that does not count" }).click();
    for (const [x, y] of [[0.4, 0.6], [0.6, 0.6], [0.5, 0.8]]) await press(x, y);
    assert.deepEqual(await corners(), [4, 3]);
    assert.match(await field.inputValue(), /^0\.1 0\.5, 0\.9 0\.5, 0\.9 0\.9, 0\.5 0\.95\n- 0\.4 0\.6, 0\.6 0\.6, 0\.5 0\.8$/);

    // A corner is moved, past the edge of the picture.
    await page.mouse.move(box.x + 0.1 * box.width, box.y + 0.5 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x - 30, box.y + 0.3 * box.height, { steps: 4 });
    await page.mouse.up();
    assert.match(await field.inputValue(), /^0 0\.3, /);
    await page.getByRole("button", { name: "Take back a corner" }).click();
    assert.deepEqual(await corners(), [4, 2]);
    await press(0.5, 0.75);
    if (shots) await page.screenshot({ path: `${shots}/area-${viewport === phone ? "phone" : "desktop"}.png` });

    // What is typed is drawn; what means nothing is left alone.
    await field.fill("0 0, 1 0, 1 1\n0.5 north, 1 1\n- 0 0.5, 0.5 1, 0 1");
    await svg.locator("polygon").nth(1).waitFor({ state: "attached" });
    assert.equal(await svg.locator("polygon").count(), 2);
    await accessible(page, "zones");
    assert.deepEqual(faults, []);
    await context.close();
  });
}
