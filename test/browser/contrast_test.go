package browser

import "github.com/chromedp/chromedp"

// contrasts finds texts whose contrast with what is behind them is below that of WCAG 2.2 AA (success criterion 1.4.3).
const contrasts = `(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.a === 1) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest("script, style, noscript, [disabled]")) continue;
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(text.slice(0, 40) + ": " + ratio.toFixed(2));
  }
  return found;
})()`

// checkContrast makes sure that every text of the page can be read.
func (tab *Tab) checkContrast(name string) {
	tab.t.Helper()
	for _, text := range read(tab, "measure contrasts", chromedp.Evaluate[[]string](contrasts)) {
		tab.t.Errorf("%s: too little contrast: %s", name, text)
	}
}
