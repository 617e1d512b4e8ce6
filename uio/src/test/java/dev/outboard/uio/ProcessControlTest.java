package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class ProcessControlTest {
    /** Changes what cannot be changed back, so on a thread of its own. */
    private static <T> T onThread(java.util.concurrent.Callable<T> action)
            throws InterruptedException {
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

    @Test
    void shouldRefuseAProcessorThatIsNotThere() {
        assertThatThrownBy(() -> ProcessControl.pinThread(1023))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("EINVAL");
        assertThatThrownBy(() -> ProcessControl.pinThread(-1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
