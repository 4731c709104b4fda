// Finding and copying, for browsers with scripts; every page is whole without.
"use strict";

function wire(input) {
  const scope = document.getElementById(input.dataset.filter);
  const found = document.getElementById(input.getAttribute("aria-describedby"));
  const items = Array.from(scope.querySelectorAll("[data-item]"));
  const groups = Array.from(scope.querySelectorAll("[data-group]"));
  let texts = null;

  function filter() {
    texts = texts || items.map((item) => item.textContent.toLowerCase());
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, at) => {
      item.hidden = !words.every((word) => texts[at].includes(word));
      shown += item.hidden ? 0 : 1;
    });
    for (const group of groups) {
      group.hidden = words.length > 0 && !group.querySelector("[data-item]:not([hidden])");
    }
    found.textContent = words.length ? `${shown} of ${items.length} ${input.dataset.noun}` : "";
  }

  input.parentElement.hidden = false;
  input.addEventListener("input", filter);
  // Going back to a page brings back what was typed in it.
  window.addEventListener("pageshow", () => input.value && filter());
}

function offerCopy(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  const frame = document.createElement("div");
  frame.className = "copyable";
  block.replaceWith(frame);
  frame.append(block, button);
}

document.querySelectorAll("[data-filter]").forEach(wire);
if (navigator.clipboard) {
  document.querySelectorAll("pre.commands").forEach(offerCopy);
}
