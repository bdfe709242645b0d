// Passkeys (ADR-0110): asks the browser, puts its answer into the page's form, and tells it which credentials count.
"use strict";
(() => {
  const api = window.PublicKeyCredential;
  const form = document.querySelector("form[data-passkey]");
  if (!form || !api?.parseRequestOptionsFromJSON) return;
  const { passkey: purpose, site, unknown } = form.dataset;
  const note = form.querySelector("[role=status]");
  const KEPT = "passkey-sent";

  // The server does not know what was sent a moment ago: the authenticator need not offer it again.
  const sent = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (sent && unknown !== undefined) api.signalUnknownCredential?.({ rpId: site, credentialId: sent }).catch(() => {});

  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;

  const options = async () => {
    const body = new URLSearchParams({ request: form.elements.request.value, csrf: form.elements.csrf.value, purpose });
    const answer = await fetch("/passkey", { method: "POST", body });
    if (!answer.ok || !answer.headers.get("content-type")?.includes("json")) throw new Error("no challenge");
    return api.parseRequestOptionsFromJSON(await answer.json());
  };

  // One question at a time: the button's takes the place of the one that waits in the list of the password manager.
  let asking = null;
  const ask = async (mediation) => {
    asking?.abort();
    const question = asking = new AbortController();
    const publicKey = await options();
    if (question.signal.aborted) return null;
    return navigator.credentials.get({ publicKey, mediation, signal: question.signal });
  };
  const send = (credential) => {
    sessionStorage.setItem(KEPT, credential.id);
    const field = form.elements.credential ?? form.appendChild(document.createElement("input"));
    Object.assign(field, { type: "hidden", name: "credential", value: JSON.stringify(credential) });
    form.requestSubmit(form.elements.passkey);
  };

  // Autofill. A challenge is good for five minutes; a page may be open for longer.
  let renewal = 0;
  const wait = async () => {
    clearTimeout(renewal);
    if (purpose !== "sign_in" || !(await api.isConditionalMediationAvailable?.())) return;
    renewal = setTimeout(wait, 240_000);
    const credential = await ask("conditional").catch(() => null);
    if (credential) send(credential);
  };

  form.addEventListener("submit", async (event) => {
    if (form.elements.credential) return; // the answer is on its way
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(renewal);
    note.textContent = "";
    try {
      send(await ask("optional"));
    } catch (error) {
      if (error.name === "AbortError") return;
      note.textContent = form.dataset.failed;
      wait();
    }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  wait();
})();
