package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Match;
import dev.outboard.uio.Descriptor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The driver of the tutorial on the device that it is for. */
@Timeout(60)
class EduOnQemuTest {
    /** Without an IOMMU the device has to reach physical addresses of any size. */
    private static final String EDU = "edu,addr=04.0,dma_mask=0xffffffffffffffff";

    private static final Match MATCH = Match.pci(0x1234, 0x11e8);

    @TempDir Path directory;

    @Test
    void shouldDoAllThatTheDeviceCan() {
        int before = Descriptor.openCount();
        try (var bench = new QemuBench(directory, "-device", EDU);
                var device = bench.open("00:04.0", MATCH);
                var service = QemuBench.driver("edu").start(device)) {
            assertThat(service.describe()).isEqualTo("edu, version 1.0");
            var context = new Context(device);
            QemuBench.client("edu-check").run(service, context);
            assertThat(context.results)
                    .containsEntry(ClientContext.VERIFIED, true)
                    .containsEntry("rounds", 3L);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    /** QEMU's default mask is 28 bits: the device reads and writes elsewhere, and says nothing. */
    @Test
    void shouldRefuseADeviceThatDoesNotReachItsMemory() {
        try (var bench = new QemuBench(directory, "-device", "edu,addr=04.0");
                var device = bench.open("00:04.0", MATCH)) {
            var driver = QemuBench.driver("edu");
            assertThatThrownBy(() -> driver.start(device))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("does not reach IOVA 0x1")
                    .hasMessageContaining("--strategy");
        }
    }

    @Test
    void shouldNotDriveSomethingElse() {
        try (var bench = new QemuBench(directory, "-device", "pci-testdev,addr=04.0");
                var device = bench.open("00:04.0", MATCH)) {
            var driver = QemuBench.driver("edu");
            assertThat(driver.match().accepts(device.id())).isFalse();
            assertThatThrownBy(() -> driver.start(device)).isInstanceOf(DeviceException.class);
        }
    }

    /** Three rounds, please. */
    private static final class Context implements ClientContext {
        final Map<String, Object> results = new HashMap<>();
        private final Device device;

        Context(Device device) {
            this.device = device;
        }

        @Override
        public Device device() {
            return device;
        }

        @Override
        public Map<String, String> options() {
            return Map.of("rounds", "3");
        }

        @Override
        public boolean isStopping() {
            return false;
        }

        @Override
        public void ready() {
            // Nobody waits for it.
        }

        @Override
        public void result(String name, Object value) {
            results.put(name, value);
        }
    }
}
