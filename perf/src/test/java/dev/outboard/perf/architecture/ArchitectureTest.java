package dev.outboard.perf.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ResolvedModule;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The stack of modules, held: who may use whom, no circles between packages, and native calls in
 * one place. What is checked are the classes and descriptors that were built.
 */
class ArchitectureTest {
    private static final String OURS = "dev.outboard.";

    /** What a module may require of ours; arrows run one way. */
    private static final Map<String, Set<String>> ALLOWED =
            Map.ofEntries(
                    Map.entry("iommu", Set.of()),
                    Map.entry("uio", Set.of()),
                    Map.entry("dma", Set.of("iommu", "uio")),
                    Map.entry("driver", Set.of("dma", "uio")),
                    Map.entry("virtio", Set.of("driver", "dma", "uio")),
                    Map.entry("edu", Set.of("driver", "dma", "uio")),
                    Map.entry("nvme", Set.of("driver", "dma", "uio")),
                    Map.entry("frames", Set.of("driver", "dma", "uio")),
                    Map.entry("virtio.net", Set.of("frames", "virtio", "driver", "dma", "uio")),
                    Map.entry("e1000e", Set.of("frames", "driver", "dma", "uio")),
                    Map.entry("internet", Set.of()),
                    Map.entry("producers", Set.of("driver", "dma", "uio")),
                    Map.entry("netty", Set.of("internet", "driver", "dma", "uio")),
                    Map.entry("clients", Set.of("internet", "driver", "dma", "uio")),
                    Map.entry("kernel", Set.of("driver", "dma", "uio")),
                    Map.entry("virtio.blk", Set.of("virtio", "driver", "dma", "uio")),
                    Map.entry("backend", Set.of("virtio", "dma", "uio", "iommu")),
                    Map.entry(
                            "models",
                            Set.of("backend", "internet", "virtio", "dma", "uio", "iommu")),
                    Map.entry(
                            "serve",
                            Set.of("backend", "internet", "virtio", "driver", "dma", "uio")),
                    Map.entry("host", Set.of("models", "driver", "dma", "uio", "iommu")),
                    Map.entry("examples", Set.of("netty", "driver", "host", "dma", "uio")),
                    Map.entry(
                            "perf",
                            Set.of(
                                    "host",
                                    "models",
                                    "backend",
                                    "producers",
                                    "driver",
                                    "virtio",
                                    "virtio.net",
                                    "virtio.blk",
                                    "examples",
                                    "dma",
                                    "uio",
                                    "iommu")));

    private static final Set<ResolvedModule> MODULES =
            ModuleLayer.boot().configuration().modules().stream()
                    .filter(module -> module.name().startsWith(OURS))
                    .collect(Collectors.toSet());

    private static final JavaClasses CLASSES =
            new ClassFileImporter()
                    .importLocations(
                            MODULES.stream()
                                    .map(ArchitectureTest::location)
                                    .collect(Collectors.toSet()));

    /** A folder of classes, or the archive where the module was packaged before. */
    private static Location location(ResolvedModule module) {
        var place = module.reference().location().orElseThrow();
        return Location.of(
                place.getPath().endsWith(".jar") ? URI.create("jar:" + place + "!/") : place);
    }

    @Test
    void shouldSeeEveryModule() {
        var seen = MODULES.stream().map(ArchitectureTest::shortName).collect(Collectors.toSet());
        assertThat(seen)
                .contains("iommu", "uio", "dma", "driver", "virtio", "models", "host", "perf")
                .contains("virtio.net", "virtio.blk");
        assertThat(ALLOWED.keySet()).containsAll(seen);
        assertThat(CLASSES.size()).isGreaterThan(200);
    }

    @Test
    void shouldRequireOnlyWhatTheStackAllows() {
        for (var module : MODULES) {
            var required =
                    module.reference().descriptor().requires().stream()
                            .map(ModuleDescriptor.Requires::name)
                            .filter(name -> name.startsWith(OURS))
                            .map(name -> name.substring(OURS.length()))
                            .collect(Collectors.toCollection(TreeSet::new));
            assertThat(ALLOWED.get(shortName(module)))
                    .as("what %s may require", module.name())
                    .containsAll(required);
        }
    }

    @Test
    void shouldUseOnlyClassesOfModulesTheStackAllows() {
        // A transitive requirement lets a class be used without a word in the descriptor.
        for (var user : CLASSES) {
            var from = moduleOf(user.getPackageName());
            for (var dependency : user.getDirectDependenciesFromSelf()) {
                var target = dependency.getTargetClass().getPackageName();
                if (target.startsWith(OURS) && !moduleOf(target).equals(from)) {
                    assertThat(ALLOWED.get(from))
                            .as("%s", dependency.getDescription())
                            .contains(moduleOf(target));
                }
            }
        }
    }

    @Test
    void shouldHaveNoCirclesBetweenPackages() {
        slices().matching("dev.outboard.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void shouldMakeNoNativeCallInTheIommu() {
        noClasses()
                .that()
                .resideInAPackage("dev.outboard.iommu..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.SymbolLookup")
                .orShould()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr..", "sun.misc..", "jdk.internal..")
                .check(CLASSES);
    }

    @Test
    void shouldCallTheSystemFromOnePackage() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.outboard.uio.nativecall")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr.ffi..")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.outboard.uio..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr..")
                .check(CLASSES);
        for (var type : CLASSES) {
            assertThat(type.getMethods())
                    .as("methods of %s that are native", type.getName())
                    .noneMatch(method -> method.getModifiers().contains(JavaModifier.NATIVE));
        }
    }

    @Test
    void shouldRequireJnrOnlyInUio() {
        for (var module : MODULES) {
            if (!shortName(module).equals("uio")) {
                assertThat(module.reference().descriptor().requires())
                        .as(module.name())
                        .noneMatch(required -> required.name().startsWith("org.jnrproject"));
            }
        }
    }

    @Test
    void shouldKeepSocketsAndProtocolsOutOfDrivers() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.outboard.driver..", "dev.outboard.virtio..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.outboard.uio.vhost..", "dev.outboard.host..")
                .orShould()
                .dependOnClassesThat()
                .haveSimpleName("UnixSocket")
                .check(CLASSES);
    }

    @Test
    void shouldNotLetTheDriverInterfaceKnowVirtio() {
        noClasses()
                .that()
                .resideInAPackage("dev.outboard.driver..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.outboard.virtio..")
                .check(CLASSES);
    }

    @Test
    void shouldDescribeEveryPackage() throws IOException {
        var root = sourceRoot();
        try (var files = Files.walk(root)) {
            var folders =
                    files.filter(file -> file.toString().endsWith(".java"))
                            .filter(file -> file.toString().contains("/src/main/java/"))
                            .filter(file -> !file.toString().contains("/target/"))
                            .filter(file -> !file.endsWith("module-info.java"))
                            .map(Path::getParent)
                            .collect(Collectors.toCollection(TreeSet::new));
            assertThat(folders).hasSizeGreaterThan(10);
            for (var folder : folders) {
                var description = folder.resolve("package-info.java");
                assertThat(description).exists();
                assertThat(Files.readString(description)).startsWith("/**");
            }
        }
    }

    private static Path sourceRoot() {
        var at = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(at.resolve("iommu"))) {
            at = at.getParent();
        }
        return at;
    }

    private static String shortName(ResolvedModule module) {
        return module.name().substring(OURS.length());
    }

    /** The module of a package: the longest module name that begins it. */
    private static String moduleOf(String packageName) {
        var rest = packageName.substring(OURS.length());
        return ALLOWED.keySet().stream()
                .filter(name -> rest.equals(name) || rest.startsWith(name + "."))
                .max(java.util.Comparator.comparingInt(String::length))
                .orElseThrow(() -> new AssertionError("no module has package " + packageName));
    }
}
