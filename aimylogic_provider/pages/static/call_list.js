// The cancel of a list: one slice after the other, until all calls are gone through, or the page is closed.
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-cancel]");
  if (!button) return;
  const { cancel: url, title, text, yes } = button.dataset;
  if (!(await Aimylogic.confirmed(title, text, yes))) return;
  const part = button.closest("[data-refresh]");
  const place = part.querySelector("[data-cancel-told]");
  button.disabled = true;
  Aimylogic.hush();
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", "Calls gone through");
  const words = document.createElement("span");
  place.replaceChildren(bar, words);
  let begin = true;
  try {
    for (;;) {
      const answer = await Aimylogic.send(url, { begin });
      begin = false;
      bar.max = answer.of || 1;
      bar.value = answer.at;
      words.textContent = ` ${answer.told}.`;
      if (answer.finished) {
        Aimylogic.told(answer.told);
        break;
      }
    }
  } catch (error) {
    Aimylogic.told(error.message, true);
  } finally {
    await Aimylogic.reload(part);
    Aimylogic.refocus(part, button.id);
  }
});
