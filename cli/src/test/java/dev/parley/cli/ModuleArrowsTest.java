package dev.parley.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which way the modules look: see docs/decisions/001-modules.md. */
class ModuleArrowsTest {
  private static JavaClasses classes;

  @BeforeAll
  static void readClasses() {
    classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.parley");
    assertThat(classes).hasSizeGreaterThan(100);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          dev.parley.v1..,       dev.parley.model.. dev.parley.trainer.. dev.parley.server.. dev.parley.client.. dev.parley.loadtest.. dev.parley.cli..
          dev.parley.model..,    dev.parley.v1.. dev.parley.trainer.. dev.parley.server.. dev.parley.client.. dev.parley.loadtest.. dev.parley.cli.. io.grpc.. com.google.protobuf..
          dev.parley.trainer..,  dev.parley.server.. dev.parley.client.. dev.parley.loadtest.. dev.parley.cli.. io.grpc..
          dev.parley.server..,   dev.parley.trainer.loop.. dev.parley.trainer.eval.. dev.parley.client.. dev.parley.loadtest.. dev.parley.cli..
          dev.parley.client..,   dev.parley.model.. dev.parley.trainer.. dev.parley.server.. dev.parley.loadtest.. dev.parley.cli.. ai.djl..
          dev.parley.loadtest.., dev.parley.model.. dev.parley.trainer.. dev.parley.server.. dev.parley.v1.. dev.parley.cli.. ai.djl..
          """)
  void module_looksOnlyTheWayItMay(String module, String forbidden) {
    arrow(module, forbidden.split(" ")).check(classes);
  }

  @Test
  void modules_haveNoCycles() {
    SlicesRuleDefinition.slices()
        .matching("dev.parley.(*)..")
        .should()
        .beFreeOfCycles()
        .check(classes);
  }

  @Test
  void allOfParley_isFreeOfKotlinAndOkHttp() {
    arrow("dev.parley..", "kotlin..", "okhttp3..", "okio..").check(classes);
  }

  @Test
  void rule_forAnArrowThatExists_bites() {
    ArchRule wrong = arrow("dev.parley.trainer..", "dev.parley.model..");

    assertThatThrownBy(() -> wrong.check(classes))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("dev.parley.trainer");
  }

  private static ArchRule arrow(String module, String... forbidden) {
    return noClasses()
        .that()
        .resideInAPackage(module)
        .should()
        .dependOnClassesThat(inAnyPackage(forbidden));
  }

  private static DescribedPredicate<JavaClass> inAnyPackage(String... packages) {
    return JavaClass.Predicates.resideInAnyPackage(packages);
  }
}
