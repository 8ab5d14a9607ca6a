// Forms that a passkey fills in: the browser is asked, its answer is put into the
// form, and the form is sent as any other. They show where there are passkeys.

const bytes = (/** @type {string} */ text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (/** @type {ArrayBuffer | null | undefined} */ data) =>
  data ? btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") : undefined;

/** @param {any} question as the hub's JSON has it, with bytes as text */
function readable(question) {
  const q = { ...question, challenge: bytes(question.challenge) };
  if (q.user) q.user = { ...q.user, id: bytes(q.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (q[list]) q[list] = q[list].map((/** @type {any} */ c) => ({ ...c, id: bytes(c.id) }));
  }
  return q;
}

/** @param {any} made a PublicKeyCredential */
function written(made) {
  const of = made.response;
  return JSON.stringify({
    id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {},
    response: {
      clientDataJSON: text(of.clientDataJSON), attestationObject: text(of.attestationObject),
      authenticatorData: text(of.attestationObject ? null : of.authenticatorData), signature: text(of.signature), userHandle: text(of.userHandle),
    },
  });
}

/** @param {HTMLFormElement} form */
async function ask(form) {
  const create = form.dataset.passkey === "create";
  const from = form.dataset.options ?? (await (await fetch(form.dataset.ask ?? "", { method: "POST" })).text());
  const publicKey = readable(JSON.parse(from).publicKey);
  const made = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  const answer = /** @type {HTMLInputElement} */ (form.elements.namedItem("answer"));
  answer.value = written(made);
}

export function passkeys() {
  if (!window.PublicKeyCredential) return;
  for (const none of document.querySelectorAll("[data-passkey-none]")) none.remove();
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-passkey]"))) {
    form.hidden = false;
    const failed = /** @type {HTMLElement} */ (form.querySelector("[data-failed]"));
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      failed.textContent = "";
      button.disabled = true;
      try {
        await ask(form);
        form.submit();
      } catch {
        failed.textContent = failed.dataset.failed ?? ""; // the person said no, or the device has none
      }
      button.disabled = false;
    });
  }
}
