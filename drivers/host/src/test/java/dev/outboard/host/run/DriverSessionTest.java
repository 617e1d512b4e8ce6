package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.control.ControlServer;
import dev.outboard.host.control.Fields;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.iommu.Access;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One life of a driver, with a device, a driver and a client that the test made up. */
@Timeout(30)
class DriverSessionTest {
    private static final Match TOY = Match.type("toy", 1);
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @TempDir Path folder;
    private final List<String> happened = new ArrayList<>();
    private final ToyBus bus = new ToyBus(happened);
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final EventOutput output = new EventOutput(new PrintStream(bytes, true), true);
    private final FaultLog faults = new FaultLog(output, System::nanoTime);
    private RunReport report;
    private RunningDriver running;
    private int descriptorsBefore;

    @BeforeEach
    void countDescriptors() {
        descriptorsBefore = Descriptor.openCount();
    }

    @AfterEach
    void shouldHaveGivenEverythingBack() {
        assertThat(Descriptor.openCount()).isEqualTo(descriptorsBefore);
    }

    /** What the test's service and driver are: they say when they come and go. */
    private final class ToyService implements Service {
        private boolean closed;

        @Override
        public String describe() {
            return "a toy";
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                happened.add("service closed");
            }
        }
    }

    private final class ToyDriver implements Driver {
        RuntimeException failure;

        @Override
        public String name() {
            return "toy";
        }

        @Override
        public Match match() {
            return TOY;
        }

        @Override
        public Service start(Device device) {
            if (failure != null) {
                throw failure;
            }
            happened.add("driver started");
            return new ToyService();
        }
    }

    private static Client client(
            Class<? extends Service> type, BiConsumer<Service, ClientContext> work) {
        return new Client() {
            @Override
            public String name() {
                return "work";
            }

            @Override
            public String help() {
                return "works";
            }

            @Override
            public Class<? extends Service> service() {
                return type;
            }

            @Override
            public void run(Service service, ClientContext context) {
                work.accept(service, context);
            }
        };
    }

    private boolean dmaDebug;

    private HostPlan plan(Driver driver, Strategy strategy, Client client) {
        return new HostPlan(
                driver,
                new DeviceAddress(bus, "dev"),
                strategy == Strategy.OFF ? Protection.OFF : protection(strategy),
                1 << 20,
                PageKind.AUTO,
                256,
                RingChoice.AUTO,
                1,
                WaitPolicy.BLOCK,
                client,
                Map.of("colour", "red"),
                dmaDebug);
    }

    private Protection protection(Strategy strategy) {
        return new Protection(
                Owner.DRIVER,
                folder.resolve("i.sock"),
                StrategyOptions.of(strategy),
                DomainOptions.DEFAULT,
                false);
    }

    private void run(Driver driver, Client client) {
        var plan = plan(driver, Strategy.OFF, client);
        running = new RunningDriver(plan, faults);
        report = new RunReport(plan, output, ControlServer.none());
        new DriverSession(
                        plan,
                        null,
                        new OwnerWatch(null),
                        StopRequest.ofProcess(),
                        faults,
                        report,
                        running)
                .run();
    }

    private void run(BiConsumer<Service, ClientContext> work) {
        run(new ToyDriver(), client(Service.class, work));
    }

    private List<Event> events() {
        return bytes.toString().lines().map(Event::parse).filter(Objects::nonNull).toList();
    }

    @Test
    void shouldTakeEverythingAndGiveItBackInReverse() {
        run((service, context) -> happened.add("client " + context.options().get("colour")));

        assertThat(happened)
                .containsExactly(
                        "device opened",
                        "driver started",
                        "client red",
                        "service closed",
                        "device closed");
    }

    @Test
    void shouldReportWhatTheClientFoundOut() {
        run(
                (service, context) -> {
                    assertThat(context.isStopping()).isFalse();
                    assertThat(context.translation()).isNull();
                    context.ready();
                    context.ready();
                    context.result("frames", 7L);
                });
        report.result(faults.count());

        assertThat(events()).extracting(Event::name).containsExactly("up", "ready", "result");
        var result = events().getLast();
        assertThat(result.fields().get("client")).isEqualTo(Map.of("frames", 7L));
        assertThat(result.text("strategy")).isEqualTo("off");
        assertThat(result.text("owner")).isEqualTo("none");
        assertThat(result.number("cpuUserNanos")).isNotNegative();
    }

    @Test
    void shouldFailARunWhoseClientFoundWrongData() {
        run((service, context) -> context.result(ClientContext.VERIFIED, false));
        assertThat(report.isRefuted()).isTrue();
        run((service, context) -> context.result(ClientContext.VERIFIED, true));
        assertThat(report.isRefuted()).isFalse();
        run((service, context) -> context.result("frames", 7L));
        assertThat(report.isRefuted()).as("nothing was said of data").isFalse();
    }

    private Event order(String name, Object... fields) {
        return running.change(Event.of(name, fields));
    }

    private Map<?, ?> segment(int index) {
        return Fields.maps(running.status().fields(), "memory.segments").get(index);
    }

    @Test
    void shouldPlugAndUnplugWhileItsClientRuns() {
        run(
                (service, context) -> {
                    long before = context.memoryChanges();
                    var plugged = order("plug", "lengthBytes", 4 << 20, "pages", "base");
                    assertThat(context.memoryChanges()).isGreaterThan(before);
                    assertThat(segment(1).get("address")).isEqualTo(plugged.text("address"));
                    try (var buffer = context.allocate(8192)) {
                        assertThat(MemoryFields.address(buffer.physicalAddress()))
                                .as("of the newest")
                                .isEqualTo(plugged.text("address"));
                        assertThat(Fields.number(segment(1), "allocatedBytes")).isEqualTo(8192);
                        assertThatIllegalStateException()
                                .isThrownBy(() -> order("unplug", plugged.fields()))
                                .withMessageContaining(plugged.text("address") + "+4 MiB is in use")
                                .withMessageContaining("1 allocated buffer")
                                .withMessageContaining("--force");
                    }
                    var done = order("unplug", "address", plugged.text("address"));
                    assertThat(done.number("lengthBytes")).isEqualTo(4 << 20);
                    assertThat(running.status().number("unplugs")).isEqualTo(1);
                    assertThat(running.status().number("unplugsRefused")).isEqualTo(1);
                });
        report.result(faults.count());
        var left = (Map<?, ?>) events().getLast().fields().get("left");
        assertThat(left.get("frames")).as("nothing is left").isEqualTo(0L);
        assertThat(left.get("mappedFrames")).isEqualTo(0L);
    }

    private Event order(String name, Map<String, Object> fields) {
        return running.change(new Event(name, fields));
    }

    @Test
    void shouldWaitForAClientThatLetsGo() {
        run(
                (service, context) -> {
                    var address = order("plug", "lengthBytes", 4 << 20).text("address");
                    long before = context.memoryChanges();
                    var buffer = context.allocate(8192);
                    var unplug =
                            CompletableFuture.supplyAsync(
                                    () ->
                                            order(
                                                    "unplug",
                                                    "address",
                                                    address,
                                                    "waitMillis",
                                                    20_000));
                    while (context.memoryChanges() == before) {
                        Thread.onSpinWait();
                    }
                    try (var other = context.allocate(8192)) {
                        assertThat(MemoryFields.address(other.physicalAddress()))
                                .as("of what stays")
                                .isEqualTo(segment(0).get("address"));
                        buffer.close();
                        assertThat(unplug.join().text("address")).isEqualTo(address);
                    }
                });
    }

    @Test
    void shouldRefuseOrdersThatMakeNoSense() {
        run(
                (service, context) -> {
                    for (var wrong :
                            List.of(
                                    Event.of("frobnicate"),
                                    Event.of("plug"),
                                    Event.of("plug", "lengthBytes", -1),
                                    Event.of("plug", "lengthBytes", Long.MAX_VALUE),
                                    Event.of("plug", "lengthBytes", 4096, "pages", "silk"),
                                    Event.of("unplug"),
                                    Event.of("unplug", "address", "nowhere"),
                                    Event.of("unplug", "address", "0x7"),
                                    Event.of("unplug", "address", "-1", "lengthBytes", 4096),
                                    Event.of("unplug", "address", "0x0", "waitMillis", -1))) {
                        assertThatIllegalArgumentException()
                                .as(wrong.toString())
                                .isThrownBy(() -> running.change(wrong));
                    }
                    var only = segment(0).get("address");
                    assertThatIllegalStateException()
                            .isThrownBy(() -> order("unplug", "address", only))
                            .withMessageContaining("all the memory there is");
                    assertThat(running.status().number("plugs")).isZero();
                });
        assertThatIllegalStateException()
                .isThrownBy(() -> order("plug", "lengthBytes", 4096))
                .withMessageContaining("away");
        assertThat(running.status().text("state")).isEqualTo("away");
    }

    @Test
    void shouldNameAMappingThatADriverLeft() {
        dmaDebug = true;
        run((service, context) -> leaveMapped());
        report.result(faults.count());

        assertThat(report.mistakes()).isEqualTo(1);
        var mistakes = (Map<?, ?>) events().getLast().fields().get("mistakes");
        assertThat(mistakes.get("found")).isEqualTo(1L);
        assertThat(mistakes.get("left-mapped")).isEqualTo(1L);
        assertThat(mistakes.get("lines").toString()).contains("leaveMapped");

        run((service, context) -> {});
        assertThat(report.mistakes()).isZero();
    }

    private void leaveMapped() {
        var dma = bus.device().dma();
        var buffer = dma.allocate(4096);
        dma.map(buffer.physicalAddress(), 100, DmaDirection.TO_DEVICE);
    }

    @Test
    void shouldTellAndCountTheFaultsOfItsDevice() {
        try (var owner = IommuOwner.listen(folder.resolve("i.sock"))) {
            var plan =
                    plan(
                            new ToyDriver(),
                            Strategy.STRICT,
                            client(Service.class, (service, context) -> misbehave(context)));
            running = new RunningDriver(plan, faults);
            report = new RunReport(plan, output, ControlServer.none());
            new DriverSession(
                            plan,
                            owner,
                            new OwnerWatch(owner),
                            StopRequest.ofProcess(),
                            faults,
                            report,
                            running)
                    .run();
        }
        faults.summarize();
        report.result(faults.count());

        assertThat(faults.count()).isEqualTo(1);
        var fault = events().stream().filter(event -> event.name().equals("fault")).toList();
        assertThat(fault).hasSize(1);
        assertThat(fault.getFirst().text("device")).isEqualTo("dev");
        assertThat(fault.getFirst().text("iova")).isEqualTo("0x7000");
        assertThat(fault.getFirst().text("access")).isEqualTo("write");
        var result = events().getLast();
        assertThat(result.number("faults")).isEqualTo(1);
        assertThat(((Map<?, ?>) result.fields().get("iotlb")).get("faults")).isEqualTo(1L);
        assertThat(result.text("iommu")).isEqualTo("calgary");
    }

    /** Plays the device: attaches, and writes where nothing was mapped. */
    private void misbehave(ClientContext context) {
        try (var bad = IommuAttachment.connect(folder.resolve("i.sock"), "dev", 5 * SECOND)) {
            bad.enter();
            assertThat(bad.resolve(0x7000, 16, Access.WRITE, new DmaWindow())).isFalse();
            bad.exit();
            var deadline = System.nanoTime() + 10 * SECOND;
            while (faults.count() == 0 && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
            assertThat(context.translation().counters().faults()).isEqualTo(1);
        }
    }

    @Test
    void shouldSayThatTheDeviceWentAwayThoughTheClientDidNotNotice() {
        assertThatExceptionOfType(DeviceLostException.class)
                .isThrownBy(
                        () ->
                                run(
                                        (service, context) -> {
                                            bus.device().lose();
                                            assertThat(context.isStopping()).isTrue();
                                        }));
        assertThat(happened).endsWith("service closed", "device closed");
    }

    @Test
    void shouldEndAnIdleDriverWhenItsDeviceGoesAway() {
        bus.losesItself();
        assertThatExceptionOfType(DeviceLostException.class)
                .isThrownBy(() -> run(new ToyDriver(), null));
        assertThat(events()).extracting(Event::name).containsExactly("up", "ready");
        assertThat(happened).endsWith("service closed", "device closed");
    }

    @Test
    void shouldCloseTheDeviceThatADriverCouldNotStart() {
        var driver = new ToyDriver();
        driver.failure = new DeviceException("too old");

        assertThatExceptionOfType(DeviceException.class)
                .isThrownBy(() -> run(driver, null))
                .withMessage("too old");
        assertThat(happened).containsExactly("device opened", "device closed");
    }

    @Test
    void shouldRefuseADeviceThatTheDriverDoesNotDrive() {
        bus.isOfType(2);
        assertThatExceptionOfType(DeviceException.class)
                .isThrownBy(() -> run(new ToyDriver(), null))
                .withMessageContaining("driver toy does not drive");
        assertThat(happened).containsExactly("device opened", "device closed");
    }

    @Test
    void shouldCallAClientsComplaintAMistakeOfTheUser() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(
                        () ->
                                run(
                                        (service, context) -> {
                                            context.option("colour", 0);
                                        }))
                .withMessage("client work: option colour=red is not a whole number");
        assertThat(happened).endsWith("service closed", "device closed");
    }

    @Test
    void shouldRefuseAClientOfAnotherKindOfService() {
        assertThatExceptionOfType(UsageException.class)
                .isThrownBy(
                        () ->
                                run(
                                        new ToyDriver(),
                                        client(NetworkService.class, (service, context) -> {})))
                .withMessageContaining("needs a NetworkService, and driver toy gives none");
        assertThat(events()).isEmpty();
    }
}
