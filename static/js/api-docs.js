/* The browsable page of the API: Swagger UI over this server's own schema. */

const root = document.getElementById("api-docs");

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

window.SwaggerUIBundle({
  domNode: root,
  url: root.dataset.schemaUrl,
  deepLinking: true,
  // Nothing is sent to a validator on the internet.
  validatorUrl: null,
  requestInterceptor: (request) => {
    // Whoever is signed in on the site may try the operations out.
    if (new URL(request.url, location.href).origin === location.origin) {
      request.headers["X-CSRFToken"] = root.dataset.csrfToken;
    }
    return request;
  },
});
