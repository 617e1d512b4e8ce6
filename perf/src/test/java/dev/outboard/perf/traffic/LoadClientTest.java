package dev.outboard.perf.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.host.process.ProcessFailedException;
import dev.outboard.perf.fixture.MemoryLink;
import dev.outboard.perf.fixture.TestContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Orders to a client on a wire in memory, which hears what it says. */
@Timeout(60)
class LoadClientTest {
    private Path folder;
    private Path path;
    private TestContext context;
    private FutureTask<Void> client;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Files.createTempDirectory("ob-load-");
        path = folder.resolve("orders");
        context = new TestContext(Map.of("orders", path.toString()));
    }

    @AfterEach
    void leaveNothingBehind() throws Exception {
        context.close();
        assertThat(path).doesNotExist();
        Files.delete(folder);
    }

    private OrderGiver start(NetworkService port) {
        client = new FutureTask<>(() -> new LoadClient().run(port, context), null);
        return new OrderGiver(
                path,
                () -> {
                    Thread.ofPlatform().daemon().start(client);
                    return () -> !client.isDone();
                });
    }

    /** As often as it takes until something was done: a busy machine may not even begin. */
    private static Map<String, Double> carryOut(OrderGiver orders, String order, String done)
            throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (true) {
            orders.begin(order);
            Thread.sleep(20);
            var figures = orders.end();
            if (figures.get(done) > 0) {
                return figures;
            }
            assertThat(System.nanoTime()).as(order).isLessThan(deadline);
        }
    }

    @Test
    void shouldNotWaitForWhomNobodyStarted() {
        assertThatThrownBy(() -> new OrderGiver(path, () -> () -> false))
                .isInstanceOf(ProcessFailedException.class)
                .hasMessageContaining("never came");
    }

    @Test
    void shouldDoOneThingAfterTheOtherAndSayWhatCameOfEach() throws Exception {
        try (var orders = start(MemoryLink.loop(frame -> 1))) {
            var trips = carryOut(orders, "trips size=64", "trips");
            assertThat(trips.get("lost")).isZero();
            assertThat(trips.get("p50")).isPositive();
            assertThat(trips.get("nanos")).isPositive();
            carryOut(orders, "send size=100", "frames");
            // What was sent before.
            carryOut(orders, "receive", "frames");
        }
        client.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldEndWhenWhoGivesTheOrdersIsGone() throws Exception {
        var orders = start(MemoryLink.loop(frame -> 1));
        orders.begin("receive");
        orders.close();
        client.get(10, TimeUnit.SECONDS);
    }

    @Test
    void shouldFailAtAnOrderThatMakesNoSense() {
        try (var orders = start(MemoryLink.loop(frame -> 1))) {
            orders.begin("dance");
            assertThatThrownBy(() -> client.get(10, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(DeviceException.class)
                    .hasMessageContaining("dance");
            assertThatThrownBy(() -> orders.answer(Duration.ofSeconds(10)))
                    .isInstanceOf(ProcessFailedException.class)
                    .hasMessageContaining("died");
        }
    }
}
