package dev.outboard.host.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher script, in a tree of its own with JDKs and a Maven that only say what they were
 * told.
 */
@Timeout(30)
class LauncherTest {
    private static final Path SCRIPT = Path.of("../../outboard").toAbsolutePath().normalize();

    @TempDir Path folder;
    private Path tree;
    private Path jdk25;
    private Path jdk17;

    @BeforeEach
    void makeTree() throws IOException {
        tree = Files.createDirectories(folder.resolve("a tree"));
        Files.copy(SCRIPT, tree.resolve("outboard"));
        executable(tree.resolve("outboard"));
        jdk25 = jdk("jdk25", "25.0.1");
        jdk17 = jdk("jdk17", "17.0.15");
        var source = Files.createDirectories(tree.resolve("uio/src/main/java")).resolve("A.java");
        Files.writeString(source, "");
        maven("mkdir -p \"${3%/pom.xml}/perf/target/modules\"; echo built with $JAVA_HOME");
    }

    private static void executable(Path file) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Path jdk(String name, String version) throws IOException {
        var home = folder.resolve(name);
        var bin = Files.createDirectories(home.resolve("bin"));
        Files.writeString(bin.resolve("javac"), "");
        Files.writeString(bin.resolve("java"), "#!/bin/sh\necho " + name + " \"$@\"\n");
        executable(bin.resolve("java"));
        executable(bin.resolve("javac"));
        Files.writeString(
                home.resolve("release"),
                "IMPLEMENTOR=\"Test\"\nJAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    private void maven(String script) throws IOException {
        var bin = Files.createDirectories(folder.resolve("maven"));
        Files.writeString(bin.resolve("mvn"), "#!/bin/sh\n" + script + "\n");
        executable(bin.resolve("mvn"));
    }

    private record Ran(int code, String output, String errors) {}

    private Ran run(Map<String, String> environment, Path script, String... words) {
        var command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(words));
        var all = new HashMap<String, String>();
        all.put("JAVA_HOME", "");
        all.put("OUTBOARD_JDK", "");
        all.put("PATH", folder.resolve("maven") + ":" + jdk17.resolve("bin") + ":/usr/bin:/bin");
        all.putAll(environment);
        try (var child = OutboardProcess.startProgram("launcher", command, all)) {
            int code = child.awaitExit(Duration.ofSeconds(20));
            return new Ran(code, child.output(), child.errorOutput());
        }
    }

    private Ran run(String... words) {
        return run(Map.of("OUTBOARD_JDK", jdk25.toString()), tree.resolve("outboard"), words);
    }

    @Test
    void shouldBuildOnceAndPassTheWordsOn() {
        var first = run("demo", "--json", "two words", "");
        assertThat(first.code()).isZero();
        assertThat(first.errors().lines())
                .containsExactly("outboard: building (the first time Maven fetches libraries) ...");
        assertThat(first.output())
                .startsWith("jdk25 ")
                .contains("--module-path=" + tree + "/perf/target/modules")
                .endsWith("Outboard demo --json two words ");
        assertThat(tree.resolve("perf/target/build.log"))
                .content()
                .isEqualTo("built with " + jdk25 + "\n");

        assertThat(run("doctor").errors()).isEmpty();
    }

    @Test
    void shouldBuildAgainWhenASourceIsNewerAndNotForATest() throws IOException {
        run("doctor");
        var test = Files.createDirectories(tree.resolve("uio/src/test/java")).resolve("T.java");
        Files.writeString(test, "");
        later(test);
        assertThat(run("doctor").errors()).isEmpty();

        later(tree.resolve("uio/src/main/java/A.java"));
        assertThat(run("doctor").errors()).contains("building");
        Files.writeString(tree.resolve("pom.xml"), "");
        later(tree.resolve("pom.xml"));
        assertThat(
                        run(
                                        Map.of(
                                                "OUTBOARD_JDK",
                                                jdk25.toString(),
                                                "OUTBOARD_NO_BUILD",
                                                "1"),
                                        tree.resolve("outboard"))
                                .errors())
                .isEmpty();
    }

    private static void later(Path file) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(60)));
    }

    @Test
    void shouldWorkThroughASymlinkFromAnotherFolder() throws IOException {
        var bin = Files.createDirectories(folder.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("indirect"), Path.of("../a tree/outboard"));
        Files.createSymbolicLink(bin.resolve("ob"), bin.resolve("indirect"));

        var ran = run(Map.of("OUTBOARD_JDK", jdk25.toString()), bin.resolve("ob"), "doctor");

        assertThat(ran.code()).isZero();
        assertThat(ran.output()).contains(tree + "/perf/target/modules");
    }

    @Test
    void shouldFindAJdkWhereUsersHaveThem() {
        var script = tree.resolve("outboard");
        assertThat(run(Map.of("JAVA_HOME", jdk25.toString()), script, "--print-jdk").output())
                .isEqualTo(jdk25.toString());
        assertThat(
                        run(
                                        Map.of("PATH", jdk25.resolve("bin") + ":/usr/bin:/bin"),
                                        script,
                                        "--print-jdk")
                                .output())
                .isEqualTo(jdk25.toString());
        assertThat(run(Map.of("JAVA_HOME", jdk17.toString()), script, "--print-jdk").output())
                .as("an old one is passed over")
                .doesNotContain("jdk17");
    }

    @Test
    void shouldRefuseAJdkThatWasNamedAndIsTooOld() {
        var ran = run(Map.of("OUTBOARD_JDK", jdk17.toString()), tree.resolve("outboard"));

        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.errors())
                .isEqualTo(
                        "outboard: OUTBOARD_JDK="
                                + jdk17
                                + " is no JDK 25 or later: name the folder that has bin/javac");
    }

    @Test
    void shouldSayWhatToInstallWhereThereIsNoJdk() throws IOException {
        var script = tree.resolve("outboard");
        Files.writeString(script, Files.readString(script).replace("LEAST=25", "LEAST=9999"));

        var ran = run(Map.of(), script, "demo");

        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.output()).isEmpty();
        assertThat(ran.errors().lines()).hasSize(1);
        assertThat(ran.errors()).contains("found none: install one").contains("OUTBOARD_JDK");
    }

    @Test
    void shouldShowABuildErrorAndNotStart() throws IOException {
        maven("echo 'noise'; echo '[ERROR] A.java:[1,2] broken'; exit 1");
        var ran = run("demo");

        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.output()).isEmpty();
        assertThat(ran.errors())
                .contains("[ERROR] A.java:[1,2] broken")
                .contains("outboard: the build failed")
                .doesNotContain("noise");
        assertThat(tree.resolve("perf/target/outboard.stamp")).doesNotExist();
    }
}
