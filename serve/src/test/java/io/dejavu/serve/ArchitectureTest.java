package io.dejavu.serve;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The walls that modules cannot express.
final class ArchitectureTest {
  private static final JavaClasses SHIPPED = shipped();

  /// Between modules and within `serve`: each package is a slice.
  @Test
  void packagesDependInOneDirection() {
    slices().matching("io.dejavu.(**)").should().beFreeOfCycles().check(SHIPPED);
  }

  /// Whoever needs what several commands have in common gets no command with it.
  @Test
  void whatCommandsShareKnowsNoCommand() {
    String[] shared = {"io.dejavu.serve.cli", "io.dejavu.serve.logging"};

    noClasses()
        .that()
        .resideInAnyPackage(shared)
        .should()
        .dependOnClassesThat(
            resideInAPackage("io.dejavu.serve..").and(not(resideInAnyPackage(shared))))
        .check(SHIPPED);
  }

  @Test
  void decidersKeepNoClockOpenNoSocketAndStartNoThread() {
    noClasses()
        .that()
        .resideInAPackage("..engine..")
        .should()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(Instant.class, "now")
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Clock.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Thread.class)
        .orShould()
        .dependOnClassesThat()
        .resideInAnyPackage("java.net..", "java.nio.channels..", "java.util.concurrent..")
        .check(SHIPPED);
  }

  @Test
  void sharedMemoryIsOpenedByTheHardwareRoomsOnly() {
    noClasses()
        .that(not(resideInAnyPackage("..tensor..", "..transport..", "..backend..")))
        .should()
        .callMethod(Arena.class, "ofShared")
        .orShould()
        .callMethod(Arena.class, "ofAuto")
        .check(SHIPPED);
  }

  @Test
  void onlyTheCommandLinePrints() {
    noClasses()
        .that(not(resideInAPackage("..serve..")))
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(IO.class)
        .check(SHIPPED);
  }

  @Test
  void publicTypesAreExported() throws IOException {
    Set<String> exported = new HashSet<>();
    for (Path folder : shippedFolders()) {
      try (var in = Files.newInputStream(folder.resolve("module-info.class"))) {
        ModuleDescriptor.read(in).exports().forEach(export -> exported.add(export.source()));
      }
    }

    assertThat(
            SHIPPED.stream()
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                .filter(type -> !(type.getPackageName() + ".").startsWith("io.dejavu.serve."))
                .filter(type -> !exported.contains(type.getPackageName()))
                .map(JavaClass::getName)
                .collect(toSet()))
        .isEmpty();
  }

  private static Set<Path> shippedFolders() {
    try {
      return Repository.classFolders().stream()
          .filter(folder -> Files.exists(folder.resolve("module-info.class")))
          .collect(toSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JavaClasses shipped() {
    return new ClassFileImporter().importPaths(shippedFolders());
  }
}
