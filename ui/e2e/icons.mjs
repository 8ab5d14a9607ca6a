// Draws the app's icons from their SVG files, in sizes that home screens want:
//
//   node icons.mjs
import { readFile, writeFile } from "node:fs/promises";
import { launch } from "./browser.mjs";

const app = new URL("../static/app/", import.meta.url);
const browser = await launch();
for (const [from, to, side] of [["icon", "icon-192", 192], ["icon", "icon-512", 512], ["maskable", "maskable-512", 512], ["maskable", "apple-180", 180]]) {
  const page = await browser.newPage({ viewport: { width: side, height: side } });
  const svg = await readFile(new URL(`${from}.svg`, app), "utf8");
  await page.setContent(`<style>body{margin:0}svg{display:block;inline-size:${side}px}</style>${svg}`);
  await writeFile(new URL(`${to}.png`, app), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
