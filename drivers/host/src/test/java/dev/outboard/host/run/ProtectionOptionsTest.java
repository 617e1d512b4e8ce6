package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What the options of protection mean when they are right; UsageTest has the wrong ones. */
class ProtectionOptionsTest {
    private static final long MEMORY_BYTES = 64L << 20;

    private static Protection protection(String... words) {
        var options = new ProtectionOptions();
        new CommandLine(options).parseArgs(words);
        return options.protection(MEMORY_BYTES, DeviceAddress.parse("vhost-user:dev.sock"));
    }

    @Test
    void shouldHaveNoIommuUnlessAsked() {
        assertThat(protection()).isEqualTo(Protection.OFF);
        assertThat(protection("--strategy", "off").isOff()).isTrue();
        assertThat(protection().describe(MEMORY_BYTES, null)).contains("reaches all 64 MiB");
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldTakeEveryStrategyOverEveryOwner(Strategy strategy) {
        var name = Words.of(strategy);
        var driver = protection("--strategy", name, "--iommu", "unix:i.sock");
        assertThat(driver.strategy()).isEqualTo(StrategyOptions.of(strategy));
        assertThat(driver.owner()).isEqualTo(Owner.DRIVER);
        assertThat(driver.socket()).isEqualTo(Path.of("i.sock"));
        var device = protection("--strategy", name, "--iommu", "device");
        assertThat(device.owner()).isEqualTo(Owner.DEVICE);
        assertThat(device.socket()).isNull();
        assertThat(device.describe(MEMORY_BYTES, null))
                .startsWith("strategy " + name)
                .contains("the device's own IOTLB");
        var mediator = protection("--strategy", name, "--mediator", "unix:m.sock");
        assertThat(mediator.owner()).isEqualTo(Owner.MEDIATOR);
        assertThat(mediator.socket()).isEqualTo(Path.of("m.sock"));
        assertThat(mediator.describe(MEMORY_BYTES, null)).contains("in the mediator");
    }

    @Test
    void shouldTakeEveryFormat() {
        for (var format : TableFormat.all()) {
            var taken =
                    protection(
                            "--strategy",
                            "strict",
                            "--iommu",
                            "unix:i.sock",
                            "--format",
                            format.title());
            assertThat(taken.domain().format()).isEqualTo(format);
            assertThat(taken.describe(MEMORY_BYTES, null)).contains(format.title() + " table");
        }
    }

    @Test
    void shouldBoundADeferredFlushByEntriesAndTime() {
        var bounded =
                protection(
                                "--strategy",
                                "deferred",
                                "--iommu",
                                "unix:i.sock",
                                "--flush-entries",
                                "250",
                                "--flush-ms",
                                "10")
                        .strategy();
        assertThat(bounded.queueEntries()).isEqualTo(250);
        assertThat(bounded.queueNanos()).isEqualTo(TimeUnit.MILLISECONDS.toNanos(10));
        var deferred = List.of("--strategy", "deferred", "--flush-ms", "10");
        for (var owner : List.of("--iommu=device", "--mediator=unix:m.sock")) {
            var words = new ArrayList<>(deferred);
            words.add(owner);
            assertThat(protection(words.toArray(String[]::new)).statedWindow()).isEqualTo("10 ms");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1 << 20})
    void shouldBoundACache(int entries) {
        var bounded =
                protection(
                        "--strategy",
                        "cached",
                        "--iommu",
                        "device",
                        "--cache-entries",
                        Integer.toString(entries));
        assertThat(bounded.strategy().cacheEntries()).isEqualTo(entries);
    }

    @Test
    void shouldTakeEveryAllocator() {
        for (var allocation : IovaAllocation.values()) {
            var words = Words.of(allocation);
            var taken =
                    protection("--strategy", "strict", "--iommu", "device", "--allocator", words);
            assertThat(taken.domain().allocation()).isEqualTo(allocation);
        }
    }

    @Test
    void shouldSayWhichWindowIsStated() {
        assertThat(protection("--strategy", "strict", "--iommu", "device").statedWindow())
                .isEqualTo("none");
        assertThat(protection("--strategy", "never-free", "--iommu", "device").statedWindow())
                .isEqualTo("no bound");
        assertThat(
                        protection(
                                        "--strategy",
                                        "deferred",
                                        "--iommu",
                                        "unix:i.sock",
                                        "--flush-entries",
                                        "250",
                                        "--flush-ms",
                                        "10")
                                .statedWindow())
                .isEqualTo("250 pages, 10 ms");
    }
}
