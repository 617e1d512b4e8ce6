package dev.outboard.perf.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.Client;
import dev.outboard.perf.fixture.MemoryLink;
import dev.outboard.perf.fixture.TestContext;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The generator, the sink and the round trips on a wire in memory. */
@Timeout(60)
class TrafficTest {
    private final MemoryLink link = new MemoryLink();

    /** Slow enough that the wire, which is bounded, loses nothing of its own. */
    private static final Map<String, String> SEND =
            Map.of(
                    "count",
                    "500",
                    "rate",
                    "20000",
                    "flows",
                    "3",
                    "millis",
                    "30000",
                    "warmupMillis",
                    "0",
                    "size",
                    "100");

    private Map<String, Object> deliver(Map<String, String> options) throws Exception {
        try (var sending = new TestContext(options);
                var receiving =
                        new TestContext(
                                Map.of(
                                        "millis",
                                        "100",
                                        "warmupMillis",
                                        "0",
                                        "quietMillis",
                                        "300"))) {
            var sink =
                    new FutureTask<Void>(() -> new SinkClient().run(link.right(), receiving), null);
            Thread.ofPlatform().daemon().start(sink);
            while (!receiving.isReady()) {
                Thread.sleep(1);
            }
            new GenerateClient().run(link.left(), sending);
            sink.get(30, TimeUnit.SECONDS);
            assertThat(sending.results()).containsEntry("sentFrames", 500L);
            return receiving.results();
        }
    }

    @Test
    void shouldCountEveryFrameOfEveryFlow() throws Exception {
        var counted = deliver(SEND);
        assertThat(counted)
                .containsEntry("allFrames", 500L)
                .containsEntry("allBytes", 50_000L)
                .containsEntry("shortestBytes", 100)
                .containsEntry("longestBytes", 100)
                .containsEntry("countedFrames", 500L)
                .containsEntry("missingFrames", 0L)
                .containsEntry("lateFrames", 0L)
                .containsEntry("doubledFrames", 0L);
        assertThat((long) counted.get("ageP50Nanos")).isPositive();
    }

    @Test
    void shouldReportWhatWasLostAndWhatCameTwice() throws Exception {
        var frames = new AtomicInteger();
        link.filter(
                frame ->
                        switch (frames.incrementAndGet()) {
                            case 100, 101, 200 -> 0;
                            case 300 -> 2;
                            default -> 1;
                        });
        assertThat(deliver(SEND))
                .containsEntry("countedFrames", 497L)
                .containsEntry("missingFrames", 3L)
                .containsEntry("doubledFrames", 1L);
    }

    @Test
    void shouldTimeFramesThatComeBackAndCountThoseThatDoNot() {
        var frames = new AtomicInteger();
        var loop = MemoryLink.loop(frame -> frames.incrementAndGet() == 10 ? 0 : 1);
        try (var context = new TestContext(Map.of("count", "50", "warmupMillis", "0"))) {
            new RoundTripClient().run(loop, context);
            assertThat(context.results())
                    .containsEntry("roundTrips", 50L)
                    .containsEntry("lostFrames", 1L)
                    .containsEntry("verified", true);
            assertThat((long) context.results().get("roundTripP50Nanos")).isPositive();
        }
    }

    @Test
    void shouldNotTakeAnOlderFrameForTheOneThatIsUnderWay() {
        // Each comes twice: the second copy is there when the next one is waited for.
        var loop = MemoryLink.loop(frame -> 2);
        try (var context = new TestContext(Map.of("count", "50", "warmupMillis", "0"))) {
            new RoundTripClient().run(loop, context);
            assertThat(context.results())
                    .containsEntry("roundTrips", 50L)
                    .containsEntry("lostFrames", 0L);
        }
    }

    @Test
    void shouldFailWhereNothingComesBack() {
        var silent = MemoryLink.loop(frame -> 0);
        try (var context = new TestContext(Map.of("millis", "300", "warmupMillis", "0"))) {
            new RoundTripClient().run(silent, context);
            assertThat(context.results())
                    .containsEntry("roundTrips", 0L)
                    .containsEntry("verified", false);
        }
    }

    @Test
    void shouldKeepToTheRate() {
        // It cannot be asserted that a machine is fast enough, but that it is not faster.
        try (var context =
                new TestContext(Map.of("rate", "2000", "millis", "250", "warmupMillis", "0"))) {
            new GenerateClient().run(link.left(), context);
            assertThat((long) context.results().get("sentFrames")).isBetween(1L, 510L);
        }
    }

    @Test
    void shouldRefuseOptionsThatMakeNoSense() {
        refuse(new GenerateClient(), "size", "63", "size=63");
        refuse(new GenerateClient(), "size", "3000", "size=3000");
        refuse(new GenerateClient(), "flows", "1025", "flows=1025");
        refuse(new GenerateClient(), "burst", "0", "burst=0");
        refuse(new GenerateClient(), "to", "02:00", "not a MAC address");
        refuse(new GenerateClient(), "to", "02:00:00:00:00:0g", "not a MAC address");
        refuse(new GenerateClient(), "speed", "1", "no option speed");
        refuse(new SinkClient(), "check", "2", "check=2");
        refuse(new RoundTripClient(), "size", "1", "size=1");
    }

    private void refuse(Client client, String option, String value, String told) {
        try (var context = new TestContext(Map.of(option, value))) {
            assertThatThrownBy(() -> client.run(link.left(), context))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(told);
        }
    }
}
