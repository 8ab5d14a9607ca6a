// The form by which footage is kept: a day that is typed is the end that is meant.
export function typedDay() {
  const day = document.querySelector("#keep-day");
  day?.addEventListener("input", () => {
    const choice = day.closest("fieldset")?.querySelector("input[name=end][value=day]");
    if (choice instanceof HTMLInputElement) choice.checked = true;
  });
}
