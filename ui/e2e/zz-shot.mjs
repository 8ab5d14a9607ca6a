import { launch, open, home, stopHomes, desktop, phone, accessible, reachable } from "./browser.mjs";
const names = process.argv.slice(2);
const browser = await launch(); const gallery = await home();
const screens = await (await fetch(`${gallery}/_gallery.json`)).json();
for (const [vp, viewport, looks, language] of [["desktop", desktop, "light", "en"], ["phone", phone, "dark", "es"], ["rtl", phone, "light", "ar-XB"]]) {
  const { page, context, faults } = await open(browser, gallery, { viewport, colorScheme: looks, expected: [401, 404, 409] });
  for (const { name, home: h, path } of screens.filter((s) => names.some((n) => s.name.startsWith(n)))) {
    await page.goto(`/_gallery/open?${new URLSearchParams({ home: h, to: path, language, looks })}`);
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: `/tmp/sfshots/${name.replaceAll(/[^a-z0-9]+/g, "-")}-${vp}.png`, fullPage: true });
    for (const check of [accessible, reachable]) await check(page, name).catch((e) => console.log(vp, name, e.message));
  }
  console.log(vp, faults); await context.close();
}
await browser.close(); stopHomes();
