package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class WebPageTest {
  private static final Pattern ASKS_FOR = Pattern.compile("(?:src|href)=\"([^\"#]+)\"");

  private ServerFixture api;

  @BeforeEach
  void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void everyFileHasItsTypeAndMayNotDoMoreThanItNeeds() throws Exception {
    for (var asset : WebPage.ASSETS) {
      var response = api.get(asset.path());

      assertThat(response.statusCode()).as(asset.path()).isEqualTo(200);
      assertThat(header(response, "Content-Type")).isEqualTo(asset.type());
      assertThat(header(response, "X-Content-Type-Options")).isEqualTo("nosniff");
      assertThat(header(response, "Content-Security-Policy"))
          .startsWith("default-src 'none'")
          .doesNotContain("unsafe", "http:", "https:", "*");
      assertThat(response.body()).isNotEmpty();
    }
  }

  @Test
  void thePageAsksForNothingThatIsNotThere() throws Exception {
    Set<String> known = new TreeSet<>();
    WebPage.ASSETS.forEach(asset -> known.add(asset.path().substring(1)));
    known.addAll(List.of("metrics", "health", "version"));
    var asked = new ArrayList<String>();
    var links = ASKS_FOR.matcher(api.get("/").body());
    while (links.find()) {
      asked.add(links.group(1));
    }

    assertThat(asked).isNotEmpty();
    assertThat(known).containsAll(asked);
  }

  @Test
  void nothingInThePageIsInline() throws Exception {
    String html = api.get("/").body();

    assertThat(html).doesNotContain("<style", "style=", "javascript:");
    assertThat(Pattern.compile("\\son[a-z]+=").matcher(html).find()).isFalse();
    assertThat(Pattern.compile("<script(?![^>]*src=)").matcher(html).find()).isFalse();
    for (String script : List.of("/assets/live.js", "/assets/playground.js")) {
      assertThat(api.get(script).body())
          .as("answers are shown as text, never as HTML, by " + script)
          .doesNotContain(
              "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(");
    }
  }

  @Test
  void chartsComeOutOfTheirOwnJar() throws Exception {
    assertThat(api.get("/assets/chart.js").body()).contains("Chart.js v4.4.9");
  }

  @Test
  void aFileThatIsTheSameIsNotSentAgain() throws Exception {
    String tag = header(api.get("/"), "ETag");
    var again = api.send(api.request("/").header("If-None-Match", tag).GET().build());

    assertThat(again.statusCode()).isEqualTo(304);
    assertThat(again.body()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/assets/",
        "/assets/../module-info.class",
        "/assets/..%2f..%2fApiServer.class",
        "/assets/%2e%2e/ApiServer.class",
        "/assets/web/index.html",
        "/assets/page.css/..",
        "/index.html",
        "//etc/passwd",
        "/META-INF/resources/webjars/chart.js/4.4.9/package.json",
      })
  void nothingElseCanBeAskedFor(String path) throws Exception {
    var response = api.get(path);

    assertThat(response.statusCode()).isIn(400, 404);
    assertThat(response.body()).contains("\"error\"");
  }

  @Test
  void filesAreOnlyRead() throws Exception {
    var response =
        api.send(api.request("/").POST(HttpRequest.BodyPublishers.ofString("x")).build());

    assertThat(response.statusCode()).isEqualTo(405);
  }

  private static String header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }
}
