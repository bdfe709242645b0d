// Passkeys (ADR-0110): asks the browser, puts its answer into the page's form, and tells it which credentials count.
"use strict";
(() => {
  const api = window.PublicKeyCredential;
  if (!api?.parseRequestOptionsFromJSON) return;
  const quietly = (promise) => promise?.catch(() => {});

  // Whoever is signed in here has these, and no others.
  const list = document.querySelector("#passkeys[data-accepted]");
  if (list) {
    const { site: rpId, holder: userId, accepted } = list.dataset;
    quietly(api.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds: accepted.split(" ") }));
  }

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const { passkey: purpose, site, unknown, ask: address = "/passkey" } = form.dataset;
  const button = form.querySelector("button");
  const note = form.querySelector("[role=status]");
  const makes = purpose !== "sign_in" && purpose !== "second_factor";
  const KEPT = "passkey-sent";

  // The server does not know what was sent a moment ago: the authenticator need not offer it again.
  const sent = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (sent && unknown !== undefined) quietly(api.signalUnknownCredential?.({ rpId: site, credentialId: sent }));

  const options = async () => {
    const body = new URLSearchParams({ purpose });
    for (const name of ["request", "csrf"]) if (form.elements[name]) body.set(name, form.elements[name].value);
    const answer = await fetch(address, { method: "POST", body });
    if (!answer.headers.get("content-type")?.includes("json")) {
      if (makes) location.assign(address); // it asks for a sign-in of now
      throw new Error("no challenge");
    }
    const told = await answer.json();
    return makes ? api.parseCreationOptionsFromJSON(told) : api.parseRequestOptionsFromJSON(told);
  };

  // One question at a time: the button's takes the place of the one that waits in the list of the password manager.
  let asking = null;
  const ask = async (mediation) => {
    asking?.abort();
    const question = asking = new AbortController();
    const publicKey = await options();
    if (question.signal.aborted) return null;
    const request = { publicKey, signal: question.signal, ...(mediation && { mediation }) };
    return makes ? navigator.credentials.create(request) : navigator.credentials.get(request);
  };
  const answered = (credential) => {
    const field = form.elements.credential ?? form.appendChild(document.createElement("input"));
    Object.assign(field, { type: "hidden", name: "credential", value: JSON.stringify(credential) });
  };
  const send = (credential) => {
    sessionStorage.setItem(KEPT, credential.id);
    answered(credential);
    form.requestSubmit(button);
  };

  // After a sign-in by password a browser may make one by itself (conditional create), unseen.
  if (purpose === "conditional") {
    quietly(api.getClientCapabilities?.().then(async ({ conditionalCreate }) => {
      if (!conditionalCreate) return;
      answered(await ask("conditional"));
      const body = new URLSearchParams(new FormData(form));
      body.set("purpose", purpose);
      body.set("action", "add-passkey");
      await fetch(address, { method: "POST", body });
    }));
    return;
  }

  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;

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
      const credential = await ask();
      if (credential) send(credential);
    } catch (error) {
      if (error.name === "AbortError") return;
      note.textContent = (error.name === "InvalidStateError" && form.dataset.present) || form.dataset.failed;
      wait();
    }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  wait();
})();
