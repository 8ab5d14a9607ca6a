// The home's time zone: an empty field takes the browser's as a suggestion, and
// offers the names that it knows.

/** Fills and helps the field of a time zone. */
export function suggestZone() {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector("input[data-zone]"));
  if (!field || !("supportedValuesOf" in Intl)) return;
  const list = document.createElement("datalist");
  list.id = "zones";
  for (const name of Intl.supportedValuesOf("timeZone")) list.append(new Option(name, name));
  field.after(list);
  field.setAttribute("list", list.id);
  if (field.value === "") field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
