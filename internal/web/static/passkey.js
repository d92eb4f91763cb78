// Passkeys. A form with data-passkey asks the browser for one, and is sent with the answer. Its attribute is "get" to sign
// in and "create" to register; the address in data-begin gives the options. Without this script the forms offer passwords.

const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const decode = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const withIDs = (list) => (list ?? []).map((c) => ({ ...c, id: decode(c.id) }));

// The options come as JSON of the Web Authentication API, whose binary parts are base64url.
const options = {
  get: ({ publicKey: o }) => ({ publicKey: {
    ...o, challenge: decode(o.challenge), allowCredentials: withIDs(o.allowCredentials) } }),
  create: ({ publicKey: o }) => ({ publicKey: {
    ...o, challenge: decode(o.challenge), user: { ...o.user, id: decode(o.user.id) },
    excludeCredentials: withIDs(o.excludeCredentials) } }),
};

const answer = (credential) => {
  const r = credential.response;
  const response = { clientDataJSON: encode(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = encode(r.attestationObject);
    response.transports = r.getTransports?.() ?? [];
  } else {
    response.authenticatorData = encode(r.authenticatorData);
    response.signature = encode(r.signature);
    if (r.userHandle) response.userHandle = encode(r.userHandle);
  }
  return JSON.stringify({
    id: credential.id, rawId: encode(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
};

const run = async (form, kind) => {
  const fields = new FormData(form);
  fields.delete("password");
  const reply = await fetch(form.dataset.begin, { method: "POST", body: new URLSearchParams(fields) });
  const ceremony = await reply.json();
  if (ceremony.error) throw new Error(ceremony.error);
  const credential = await navigator.credentials[kind](options[kind](ceremony.options));
  form.elements.state.value = ceremony.state;
  form.elements.response.value = answer(credential);
  HTMLFormElement.prototype.submit.call(form);
};

const start = async (form, kind, button) => {
  const alert = form.querySelector("[role=alert]");
  alert.hidden = true;
  button.disabled = true;
  try {
    await run(form, kind);
  } catch (error) {
    button.disabled = false;
    button.focus(); // which it lost
    if (error.name === "NotAllowedError" || error.name === "AbortError") {
      alert.querySelector("span").textContent = document.body.dataset.passkeyCancelled;
    } else if (error.name === "InvalidStateError") {
      alert.querySelector("span").textContent = document.body.dataset.passkeyKnown;
    } else {
      alert.querySelector("span").textContent = error.message;
    }
    alert.hidden = false;
  }
};

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const kind = form.dataset.passkey;
    const button = form.querySelector("[data-passkey-button]");
    form.hidden = false;
    if (button) { // the form works without a passkey too
      button.hidden = false;
      button.addEventListener("click", () => {
        const email = form.elements.email;
        if (!email || email.reportValidity()) start(form, kind, button);
      });
    } else {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        start(form, kind, event.submitter);
      });
    }
  }
}
