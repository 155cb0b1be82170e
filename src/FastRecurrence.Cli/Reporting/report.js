for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentElement.children].indexOf(head);
    const up = head.getAttribute("aria-sort") !== "ascending";
    const value = row => row.children[column].textContent;
    const order = (a, b) => {
      const x = parseFloat(value(a)), y = parseFloat(value(b));
      return isNaN(x) || isNaN(y) ? value(a).localeCompare(value(b), "en", { numeric: true }) : x - y;
    };
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...[...body.rows].sort((a, b) => up ? order(a, b) : order(b, a)));
  });
}
// Labels that would cover one another are left out; the number stays where the mouse points.
const arrange = () => {
  for (const chart of document.querySelectorAll("figure svg")) {
    const placed = [];
    for (const label of chart.querySelectorAll(".mark text")) {
      label.style.display = "";
      const b = label.getBoundingClientRect();
      const free = b.width > 0 && placed.every(p => b.left > p.right || b.right < p.left || b.top > p.bottom || b.bottom < p.top);
      if (free) placed.push(b); else label.style.display = "none";
    }
  }
};
arrange();
addEventListener("resize", arrange);
