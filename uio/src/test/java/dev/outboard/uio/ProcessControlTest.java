package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class ProcessControlTest {
    /** Changes what cannot be changed back, so on a thread of its own. */
    private static <T> T onThread(Callable<T> action) throws InterruptedException {
        AtomicReference<T> result = new AtomicReference<>();
        AtomicReference<Exception> failure = new AtomicReference<>();
        Thread.ofPlatform()
                .start(
                        () -> {
                            try {
                                result.set(action.call());
                            } catch (Exception failed) {
                                failure.set(failed);
                            }
                        })
                .join();
        assertThat(failure.get()).isNull();
        return result.get();
    }

    private static String status(String field) throws IOException {
        Path file = Path.of("/proc/self/task/" + ProcessControl.threadId() + "/status");
        return Files.readAllLines(file).stream()
                .filter(line -> line.startsWith(field + ":"))
                .findFirst()
                .orElseThrow()
                .substring(field.length() + 1)
                .strip();
    }

    @Test
    void shouldNameTheThread() throws InterruptedException {
        String name =
                onThread(
                        () -> {
                            ProcessControl.name("ob-nic0");
                            return status("Name");
                        });
        assertThat(name).isEqualTo("ob-nic0");
    }

    @Test
    void shouldGiveUpNewPrivileges() throws InterruptedException {
        boolean given =
                onThread(
                        () -> {
                            ProcessControl.noNewPrivileges();
                            return ProcessControl.hasNoNewPrivileges()
                                    && status("NoNewPrivs").equals("1");
                        });
        assertThat(given).isTrue();
    }

    @Test
    void shouldKeepTheThreadOnOneProcessor() throws InterruptedException {
        String allowed =
                onThread(
                        () -> {
                            ProcessControl.pinThread(0);
                            return status("Cpus_allowed_list");
                        });
        assertThat(allowed).isEqualTo("0");
    }

    /** Started by a shell that is then killed: see below. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) throws InterruptedException {
            ProcessControl.dieWithParent();
            System.out.println(ProcessHandle.current().pid());
            Thread.sleep(Long.MAX_VALUE);
        }
    }

    @Test
    void shouldDieWithItsParent() throws Exception {
        String path =
                System.getProperty("jdk.module.path", "")
                        + File.pathSeparator
                        + System.getProperty("java.class.path")
                        + File.pathSeparator
                        + Path.of("target", "test-classes").toAbsolutePath();
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = new ArrayList<>(List.of("sh", "-c", "\"$@\"; true", "sh"));
        command.addAll(List.of(java, "-XX:TieredStopAtLevel=1", "-cp", path));
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", Child.class.getName()));
        // The shell stays its parent, as it has a second command to run.
        Process shell =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String line = shell.inputReader().readLine();
        assertThat(line).as("the child's process number").isNotNull();
        ProcessHandle child = ProcessHandle.of(Long.parseLong(line)).orElseThrow();
        shell.destroyForcibly();
        child.onExit().get(20, TimeUnit.SECONDS);
        assertThat(child.isAlive()).isFalse();
    }

    @Test
    void shouldRefuseAProcessorThatIsNotThere() {
        assertThatThrownBy(() -> ProcessControl.pinThread(1023))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("EINVAL");
        assertThatThrownBy(() -> ProcessControl.pinThread(-1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
