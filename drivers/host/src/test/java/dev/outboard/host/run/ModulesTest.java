package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.driver.Match;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.cli.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Finds drivers: in this process, and in a folder with a module compiled for the test. */
class ModulesTest {
    @TempDir static Path folder;
    private static Path toys;

    @BeforeAll
    static void compileADriverOfSomebodyElse() throws IOException, InterruptedException {
        var source = Files.createDirectories(folder.resolve("source/my/toy"));
        Files.writeString(
                folder.resolve("source/module-info.java"),
                """
                module my.toy {
                    requires dev.outboard.driver;
                    provides dev.outboard.driver.Driver with my.toy.Toy, my.toy.Other;
                }
                """);
        for (var name : List.of("Toy", "Other")) {
            Files.writeString(
                    source.resolve(name + ".java"),
                    """
                    package my.toy;
                    import dev.outboard.driver.*;
                    public final class NAME implements Driver {
                        public String name() { return "NAME"; }
                        public Match match() { return Match.type("virtio", 42); }
                        public Service start(Device device) { throw new DeviceException("toy"); }
                    }
                    """
                            .replace("NAME", name));
        }
        toys = folder.resolve("toys/my.toy");
        var javac =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "javac").toString(),
                                "-p",
                                System.getProperty("jdk.module.path"),
                                "-d",
                                toys.toString(),
                                folder.resolve("source/module-info.java").toString(),
                                source.resolve("Toy.java").toString(),
                                source.resolve("Other.java").toString())
                        .inheritIO()
                        .start();
        assertThat(javac.waitFor()).isZero();
    }

    @Test
    void shouldFindADriverByNameInAFolderOfModules() {
        var modules = Modules.of(List.of(toys.getParent()));

        assertThat(modules.driver("Toy").match()).isEqualTo(Match.type("virtio", 42));
        assertThat(Modules.of(List.of(toys)).driver("Toy").getClass().getModule().getName())
                .isEqualTo("my.toy");
    }

    @Test
    void shouldAskWhichOfAModulesDriversIsMeant() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> Modules.of(List.of(toys)).driver("my.toy"))
                .withMessageContaining("several drivers are 'my.toy'")
                .withMessageContaining("Toy (module my.toy)");
    }

    @Test
    void shouldNotFindItWithoutTheFolder() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> Modules.of(List.of()).driver("Toy"))
                .withMessageContaining("there is no driver 'Toy'");
    }

    @ParameterizedTest
    @CsvSource({
        "net, vhost-user:nic0.sock, virtio-net",
        "block, vhost-user:disk0.sock, virtio-blk",
        "net, qtest:e1000e, e1000e",
        "net, qtest:virtio-net, virtio-net",
        "e1000e, vhost-user:nic0.sock, e1000e"
    })
    void shouldFindTheDriverOfAKindThatFitsTheDevice(String word, String device, String driver) {
        assertThat(Modules.of(List.of()).driver(word, DeviceAddress.parse(device)).name())
                .isEqualTo(driver);
    }

    @ParameterizedTest
    @CsvSource({
        "block, qtest:e1000e, no driver that serves 'block' drives qtest:e1000e",
        "net, vfio-user:dev0.sock, name the driver instead of 'net': e1000e"
    })
    void shouldSayWhyNoDriverOfAKindFits(String word, String device, String why) {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> Modules.of(List.of()).driver(word, DeviceAddress.parse(device)))
                .withMessageContaining(why);
    }

    @Test
    void shouldRefuseAFolderThatIsNoneOrHoldsNone() throws IOException {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> Modules.of(List.of(folder.resolve("none"))))
                .withMessageContaining("there is no such folder");
        var broken = Files.createDirectories(folder.resolve("broken"));
        Files.writeString(broken.resolve("x.jar"), "no jar");
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(() -> Modules.of(List.of(broken)))
                .withMessageContaining("the modules of --module-path cannot be used");
    }
}
