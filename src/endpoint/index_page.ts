/**
 * The page at `/`: what runs here, and links.
 *
 * @module
 */

/** The paths that are linked, with what they are. */
const LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/metrics", "Metrics of all workers, for Prometheus"],
  ["/healthz", "Health: this process answers"],
  ["/readyz", "Readiness: the metrics can be read"],
];

/**
 * The page as HTML.
 *
 * @param version Version of the package.
 * @param runtime Name and version of the runtime.
 */
export function renderIndexPage(version: string, runtime: string): string {
  const items = LINKS.map(([path, text]) =>
    `<li><a href="${path}">${path}</a> ${escapeHtml(text)}</li>`
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Gunicorn Prometheus exporter</title></head>
<body>
<h1>Gunicorn Prometheus exporter</h1>
<p>Version ${escapeHtml(version)} on ${escapeHtml(runtime)}</p>
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
