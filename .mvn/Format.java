import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Formats every Java file of the repository, or says which ones are not formatted.
/// Run by the build with `check`, `apply` or `skip`.
/// Files found well formatted are remembered by size and time of change in `target/format/index`.
void main(String[] args) throws IOException, FormatterException {
  String wanted = args[0];
  if (wanted.equals("skip")) {
    return;
  }
  if (!wanted.equals("check") && !wanted.equals("apply")) {
    throw new IllegalArgumentException("-Dformat is check, apply or skip, not " + wanted);
  }
  Path index = Path.of("target/format/index");
  var known = Files.exists(index) ? new TreeSet<>(Files.readAllLines(index)) : new TreeSet<String>();
  var good = new TreeSet<String>();
  var bad = new ArrayList<String>();
  var formatter =
      new Formatter(JavaFormatterOptions.builder().style(JavaFormatterOptions.Style.GOOGLE).build());
  for (Path file : javaFiles()) {
    if (!known.contains(fingerprint(file))) {
      String text = Files.readString(file);
      String formatted = format(formatter, file, text);
      if (!formatted.equals(text)) {
        if (wanted.equals("check")) {
          bad.add(file.toString());
          continue;
        }
        Files.writeString(file, formatted);
        IO.println("formatted " + file);
      }
    }
    good.add(fingerprint(file));
  }
  Files.write(index, good, UTF_8);
  if (!bad.isEmpty()) {
    IO.println("Not formatted: " + String.join(" ", bad));
    IO.println("Format with: mvn -q -N verify -Dformat=apply");
    System.exit(1);
  }
}

List<Path> javaFiles() throws IOException {
  try (Stream<Path> rooms = Files.list(Path.of("."))) {
    var files = new ArrayList<Path>();
    for (Path sources : rooms.map(room -> room.normalize().resolve("src")).toList()) {
      if (Files.isDirectory(sources)) {
        try (Stream<Path> tree = Files.walk(sources)) {
          tree.filter(file -> file.toString().endsWith(".java")).sorted().forEach(files::add);
        }
      }
    }
    return files;
  }
}

String fingerprint(Path file) throws IOException {
  return "%s %d %s".formatted(file, Files.size(file), Files.getLastModifiedTime(file));
}

String format(Formatter formatter, Path file, String text) throws FormatterException {
  try {
    String imports = ImportOrderer.reorderImports(text, JavaFormatterOptions.Style.GOOGLE);
    return formatter.formatSource(RemoveUnusedImports.removeUnusedImports(imports));
  } catch (FormatterException e) {
    throw new IllegalStateException(file + " cannot be formatted: " + e.getMessage(), e);
  }
}
