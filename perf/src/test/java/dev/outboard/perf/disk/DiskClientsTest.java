package dev.outboard.perf.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.perf.fixture.MemoryDisk;
import dev.outboard.perf.fixture.TestContext;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DiskClientsTest {
    private static final int DISK_BYTES = 4 << 20;
    private static final int DEPTH = 64;

    private final MemoryDisk disk = new MemoryDisk(DISK_BYTES, DEPTH);

    @Test
    void shouldWriteFlushReadAndCompareARegion() {
        try (var context = context("blocks", "4096,65536", "millis", "20", "warmupMillis", "5")) {
            new DiskCheckClient().run(disk, context);
            assertThat(context.results()).containsEntry("verified", true);
            assertThat(context.rows("rows")).hasSize(4);
            for (var row : context.rows("rows")) {
                assertThat(row).containsEntry("verified", true).containsEntry("corruptBlocks", 0L);
                assertThat((double) row.get("operationsPerSecond")).isPositive();
            }
            assertThat(disk.flushes()).isEqualTo(2);
            assertThat(context.usedBytes()).isZero();
        }
    }

    @Test
    void shouldFindAWriteThatWasAcknowledgedAndForgotten() {
        disk.loseWriteTo(8 * 17);
        try (var context = context("blocks", "4096", "millis", "1", "warmupMillis", "0")) {
            new DiskCheckClient().run(disk, context);
            assertThat(context.results()).containsEntry("verified", false);
            assertThat(context.rows("rows").get(1))
                    .containsEntry("verified", false)
                    .extractingByKey("firstCorrupt")
                    .asString()
                    .contains("block 17 of 4096 bytes is wrong, first at byte 0");
        }
    }

    @Test
    void shouldStayWithinItsRegion() {
        try (var context =
                context("offset", "65536", "bytes", "131072", "millis", "1", "warmupMillis", "0")) {
            new DiskCheckClient().run(disk, context);
            assertThat(context.results()).containsEntry("verified", true);
            assertThat(disk.at(65_535)).isZero();
            assertThat(disk.at(65_536 + 131_072)).isZero();
        }
    }

    @Test
    void shouldNameTheBlockThatFailedAndReturnTheMemory() {
        disk.failAt(8 * 3);
        try (var context = context("millis", "1", "warmupMillis", "0")) {
            assertThatThrownBy(() -> new DiskCheckClient().run(disk, context))
                    .isInstanceOf(DeviceException.class)
                    .hasMessage("write of block 3 of 4096 bytes failed: I/O error");
            assertThat(context.usedBytes()).isZero();
        }
    }

    @Test
    void shouldRefuseARegionBeyondTheDisk() {
        try (var context = context("offset", "4096", "bytes", Integer.toString(DISK_BYTES))) {
            assertThatThrownBy(() -> new DiskCheckClient().run(disk, context))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("on a disk of 4194304 bytes");
        }
    }

    @Test
    void shouldRefuseADepthThatTheQueueDoesNotHave() {
        try (var context = context("depth", "65")) {
            assertThatThrownBy(() -> new DiskCheckClient().run(disk, context))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at most 64");
        }
    }

    @Test
    void shouldHashAWholeDiskAlthoughBlocksComeInAnyOrder() throws Exception {
        var odd = new MemoryDisk((1 << 20) + 3 * 512, DEPTH);
        new SplittableRandom(3).nextBytes(odd.content());
        var expected = MessageDigest.getInstance("SHA-256").digest(odd.content());
        try (var context = context("block", "4096", "depth", "16")) {
            new DiskSha256Client().run(odd, context);
            assertThat(context.results())
                    .containsEntry("sha256", HexFormat.of().formatHex(expected));
        }
    }

    @Test
    void shouldReadAtSeveralDepthsAndTellLatencyInPercentiles() {
        try (var context = context("depths", "1,32", "millis", "20", "warmupMillis", "5")) {
            new DiskReadClient().run(disk, context);
            assertThat(context.rows("rows")).hasSize(2);
            for (var row : context.rows("rows")) {
                assertThat((long) row.get("requests")).isPositive();
                assertThat((long) row.get("latencyP99Nanos"))
                        .isGreaterThanOrEqualTo((long) row.get("latencyP50Nanos"));
            }
        }
    }

    private static TestContext context(String... namesAndValues) {
        var options = new java.util.HashMap<String, String>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            options.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return new TestContext(Map.copyOf(options));
    }
}
