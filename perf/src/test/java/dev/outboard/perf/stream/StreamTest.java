package dev.outboard.perf.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.fixture.MemoryLink;
import dev.outboard.perf.fixture.TestContext;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StreamTest {
    private static final String SIZES = "64,1500,1501,16384";

    private final MemoryLink link = new MemoryLink();
    private final TestContext sending =
            new TestContext(
                    Map.of(
                            "sizes",
                            SIZES,
                            "messages",
                            "300",
                            "warmupMillis",
                            "5",
                            "millis",
                            "60000",
                            "seed",
                            "42"));
    private final TestContext receiving = new TestContext(Map.of("idleMillis", "5000"));

    @AfterEach
    void close() {
        sending.close();
        receiving.close();
    }

    @Test
    void shouldDeliverAndCheckEveryMessageOfEverySize() throws Exception {
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", true);
        assertThat(receiving.results()).containsEntry("verified", true);
        assertThat(sending.rows("streams")).hasSize(4);
        for (var row : sending.rows("streams")) {
            assertThat(row)
                    .containsEntry("sentMessages", 300L)
                    .containsEntry("receivedMessages", 300L)
                    .containsEntry("missingFrames", 0L)
                    .containsEntry("verified", true);
            assertThat((long) row.get("receivedBytes"))
                    .isEqualTo(300L * (int) row.get("sizeBytes"));
            assertThat((double) row.get("throughputMbps")).isPositive();
        }
        // A warm-up and a measured stream for each size.
        assertThat(receiving.rows("streams")).hasSize(8);
    }

    @Test
    void shouldReportAFrameThatWasLost() throws Exception {
        var data = new AtomicInteger();
        link.filter(frame -> isData(frame) && data.incrementAndGet() == 700 ? 0 : 1);
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", false);
        assertThat(receiving.results()).containsEntry("verified", false);
        assertThat(total("missingFrames")).isEqualTo(1);
        assertThat(total("corruptFrames")).isZero();
    }

    @Test
    void shouldReportAFrameThatCameTwice() throws Exception {
        var data = new AtomicInteger();
        link.filter(frame -> isData(frame) && data.incrementAndGet() == 700 ? 2 : 1);
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", false);
        assertThat(total("duplicateFrames")).isEqualTo(1);
        assertThat(total("missingFrames")).isZero();
    }

    @Test
    void shouldReportASingleFlippedBit() throws Exception {
        var data = new AtomicInteger();
        link.filter(
                frame -> {
                    if (isData(frame) && data.incrementAndGet() == 700) {
                        frame[frame.length - 1] ^= 0x10;
                    }
                    return 1;
                });
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", false);
        assertThat(total("corruptFrames")).isEqualTo(1);
        assertThat(
                        receiving.rows("streams").stream()
                                .map(row -> (String) row.get("firstCorrupt"))
                                .filter(text -> !text.isEmpty()))
                .singleElement()
                .asString()
                .contains("the pattern is wrong");
    }

    @Test
    void shouldGoOnWhenAWholeWindowIsLost() throws Exception {
        var data = new AtomicInteger();
        link.filter(
                frame -> {
                    int count = isData(frame) ? data.incrementAndGet() : 0;
                    return count >= 700 && count < 900 ? 0 : 1;
                });
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", false);
        assertThat(total("missingFrames")).isEqualTo(200);
    }

    @Test
    void shouldSurviveTheLossOfEveryFirstControlFrame() throws Exception {
        var lost = new boolean[256];
        link.filter(
                frame -> {
                    if (isData(frame) || lost[kind(frame)]) {
                        return 1;
                    }
                    lost[kind(frame)] = true;
                    return 0;
                });
        run(link.left(), link.right());
        assertThat(sending.results()).containsEntry("verified", true);
        assertThat(receiving.results()).containsEntry("verified", true);
    }

    @Test
    void shouldSayThatNobodySends() {
        try (var context = new TestContext(Map.of("idleMillis", "100"))) {
            assertThatThrownBy(() -> new StreamReceiveClient().run(link.right(), context))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("no frame for 100 ms");
            assertThat(context.results()).isEmpty();
        }
    }

    @Test
    void shouldEchoAndCheckOverALoop() {
        try (var context = new TestContext(sending.options())) {
            new StreamEchoClient().run(MemoryLink.loop(frame -> 1), context);
            assertThat(context.results()).containsEntry("verified", true);
            assertThat(context.rows("streams")).hasSize(4);
        }
    }

    @Test
    void shouldReportWhatAnEchoLost() {
        var data = new AtomicInteger();
        try (var context = new TestContext(sending.options())) {
            new StreamEchoClient()
                    .run(
                            MemoryLink.loop(
                                    frame ->
                                            isData(frame) && data.incrementAndGet() == 301 ? 0 : 1),
                            context);
            assertThat(context.results()).containsEntry("verified", false);
            assertThat(context.rows("streams").get(1)).containsEntry("missingFrames", 1L);
        }
    }

    @Test
    void shouldRefuseASizeThatIsTooSmall() {
        try (var context = new TestContext(Map.of("sizes", "20"))) {
            assertThatThrownBy(() -> new StreamSendClient().run(link.left(), context))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("sizes=20");
        }
    }

    private void run(NetworkService from, NetworkService to)
            throws InterruptedException, ExecutionException {
        var receiver =
                new FutureTask<Void>(() -> new StreamReceiveClient().run(to, receiving), null);
        Thread.ofPlatform().start(receiver);
        new StreamSendClient().run(from, sending);
        try {
            receiver.get(10, TimeUnit.SECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new AssertionError("the receiver did not end", e);
        }
    }

    /** Over warm-ups as well: a filter cannot tell them apart. */
    private long total(String field) {
        return receiving.rows("streams").stream().mapToLong(row -> (long) row.get(field)).sum();
    }

    private static boolean isData(byte[] frame) {
        return kind(frame) == FrameKind.DATA;
    }

    private static int kind(byte[] frame) {
        return frame[StreamDescriptor.KIND];
    }
}
