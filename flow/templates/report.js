
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const themes = [["", "auto"], ["light", "light"], ["dark", "dark"]];
  const button = document.getElementById("theme");
  let theme = 0;
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = (theme + 1) % themes.length;
    document.documentElement.dataset.theme = themes[theme][0];
    button.textContent = `Theme: ${themes[theme][1]}`;
  });

  for (const front of all("[data-front]")) {
    const options = all("[data-option]", front);
    const rows = all("[data-row]", front);
    const select = (at) => {
      options.forEach((option, number) => { option.hidden = number !== at; });
      rows.forEach((row, number) => { row.classList.toggle("on", number === at); });
      all("svg .front", front).forEach((mark) => {
        const on = mark.classList.contains(`at${at}`);
        mark.classList.toggle("on", on);
        if (on) mark.parentNode.append(mark);
      });
    };
    const radios = all("input[type=radio]", front);
    radios.forEach((radio, at) => {
      radio.addEventListener("change", () => select(at));
      all(`svg .at${at}`, front).forEach((mark) => {
        mark.addEventListener("click", () => {
          radio.checked = true;
          select(at);
        });
      });
    });
    const first = radios.findIndex((radio) => radio.checked);
    if (first >= 0) select(first);
  }

  for (const take of all("button.take")) {
    take.addEventListener("click", () => {
      const anchor = take.closest("[data-front]").dataset.front;
      const store = document.querySelector(`[data-designs="${anchor}"]`);
      const { files, parts } = JSON.parse(store.textContent);
      const pieces = files[Number(take.dataset.file)];
      const text = pieces.map((piece) => typeof piece === "number" ? parts[piece] : piece).join("");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = take.dataset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    });
  }

  for (const here of all(".wide .here")) {
    const scroll = here.closest(".scroll");
    const left = here.getBoundingClientRect().left - scroll.getBoundingClientRect().left;
    scroll.scrollLeft = left - scroll.clientWidth / 2;
  }

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details.group:not([open])");
    folded.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => {
    folded.forEach((part) => { part.open = false; });
  });
})();
