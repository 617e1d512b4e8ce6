package dev.outboard.perf.versus;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.perf.it.Peers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The program of DPDK's as comparisons start and end it. */
@Timeout(120)
class TestpmdIT {
    private Path folder;
    private Path socket;

    @BeforeEach
    void need() throws Exception {
        Peers.need("dpdk", "dpdk-testpmd");
        folder = Files.createTempDirectory("ob-testpmd-");
        socket = folder.resolve("net0");
    }

    @AfterEach
    void leaveNothingBehind() throws Exception {
        Files.deleteIfExists(folder);
    }

    @Test
    void shouldListenWhereOneListenedThatWasEnded() {
        var devices = List.of("net_vhost0," + Testpmd.vhost(socket));
        for (int round = 0; round < 2; round++) {
            try (var testpmd = Testpmd.start("back-end", List.of(), devices, 0)) {
                assertThat(testpmd.pid()).isPositive();
                assertThat(socket).exists();
            }
            assertThat(socket).doesNotExist();
        }
    }
}
