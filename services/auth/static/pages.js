// What pages do beyond HTML. Each of them is complete without this file.
"use strict";
(() => {
  // An answer on its way back to a client goes by itself.
  const back = document.querySelector("form[data-post-back]");
  if (back) {
    back.submit();
    return;
  }

  // Approvals need intent (ADR-0063). A click that began on another page, such as the second one of a double click
  // whose first has closed a window above this one, must approve nothing: the page has to be in front for half a
  // second, and the pointer has to move here, or a key be pressed.
  const SETTLED_AFTER = 500;
  const approvals = [...document.querySelectorAll("button[data-intent]")];
  let settled = false;
  let moved = false;
  let settling = 0;
  const settle = () => {
    settled = moved = false;
    clearTimeout(settling);
    for (const button of approvals) button.setAttribute("aria-disabled", "true");
    if (document.visibilityState === "hidden") return;
    settling = setTimeout(() => {
      settled = true;
      for (const button of approvals) button.removeAttribute("aria-disabled");
    }, SETTLED_AFTER);
  };
  if (approvals.length > 0) {
    settle();
    addEventListener("focus", settle);
    addEventListener("pageshow", settle);
    document.addEventListener("visibilitychange", settle);
    const move = () => { moved = true; };
    addEventListener("pointermove", move, true);
    addEventListener("keydown", move, true);
    addEventListener("pointerdown", (event) => { if (event.pointerType !== "mouse") move(); }, true);
    addEventListener("click", (event) => {
      const button = event.target instanceof Element && event.target.closest("button[data-intent]");
      if (!button) return;
      if (settled && (moved || event.detail === 0)) { // 0: by the keyboard, or by what helps somebody without hands
        if (button.form.elements.intent) button.form.elements.intent.value = "shown";
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      moved = settled; // whoever presses once more, means it
    }, true);
  }

  // What is typed can be looked at; it is sent as a password all the same.
  for (const button of document.querySelectorAll("button.reveal")) {
    const field = document.getElementById(button.getAttribute("aria-controls"));
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      button.textContent = shown ? button.dataset.hide : button.dataset.show;
      button.setAttribute("aria-label", shown ? button.dataset.hideLabel : button.dataset.showLabel);
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      show(field.type === "password");
      field.focus();
    });
    field.form.addEventListener("submit", () => show(false));
  }

  // How long somebody has to wait is counted down, without being read out each second.
  const wait = document.querySelector("[data-wait]");
  if (wait) {
    const sentence = wait.textContent;
    const until = Date.now() + Number(wait.dataset.wait) * 1000;
    wait.setAttribute("aria-live", "off");
    const words = (count, unit) => new Intl.NumberFormat(document.documentElement.lang,
      { style: "unit", unit, unitDisplay: "long" }).format(count);
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) {
        wait.setAttribute("aria-live", "polite");
        wait.textContent = wait.dataset.over;
        clearInterval(ticking);
        return;
      }
      const now = left < 60 ? words(left, "second") : words(Math.ceil(left / 60), "minute");
      wait.textContent = sentence.replace(wait.dataset.words, now);
    };
    const ticking = setInterval(tick, 1000);
  }

  // A form is sent once; its button says that it is at work.
  const BUSY_FOR = 3000;
  const free = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  };
  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
    setTimeout(() => free(form), BUSY_FOR);
    if ("app" in form.dataset) for (const wait of [1500, 3000, 6000]) setTimeout(look, wait);
  });
  addEventListener("pageshow", () => [...document.forms].forEach(free));

  // After an app was opened the browser stays on this page: it then shows what has become of the sign-in.
  async function look() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.ok && /id="(not-)?signed-in"/.test(await answer.text())) location.replace(location.href);
  }
})();
