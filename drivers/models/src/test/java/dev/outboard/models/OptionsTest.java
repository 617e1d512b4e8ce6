package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionsTest {
    @Test
    void shouldReadAPort() {
        var port =
                NicPortOptions.parse("/run/a.sock,iommu=/run/o.sock,mac=02:00:00:00:00:01,name=n");
        assertThat(port.socket()).isEqualTo(Path.of("/run/a.sock"));
        assertThat(port.iommu()).isEqualTo(Path.of("/run/o.sock"));
        assertThat(port.mac()).hasToString("02:00:00:00:00:01");
        assertThat(port.name()).isEqualTo("n");
    }

    @Test
    void shouldTakeThePathOfAnOwnerWithItsScheme() {
        assertThat(NicPortOptions.parse("a.sock,iommu=unix:o.sock").iommu())
                .isEqualTo(Path.of("o.sock"));
    }

    @Test
    void shouldNameAPortAfterItsSocketAndGiveItAnAddress() {
        var port = NicPortOptions.parse("dir/nic0.sock");
        assertThat(port.name()).isEqualTo("nic0.sock");
        assertThat(port.iommu()).isNull();
        // Locally administered, no group's, always the same, and not that of another.
        assertThat(port.mac().bits() & 3).isEqualTo(2);
        assertThat(port).isEqualTo(NicPortOptions.parse("dir/nic0.sock"));
        assertThat(port.mac()).isNotEqualTo(NicPortOptions.parse("dir/nic1.sock").mac());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "'';begin with the path",
                "iommu=x;begin with the path",
                "a.sock,iommu;has no value",
                "a.sock,iommu=;has no value",
                "a.sock,speed=10;no option speed",
                "a.sock,mac=02:00;is no Ethernet address",
                "a.sock,mac=02-00-00-00-00-01;is no Ethernet address",
                "a.sock,mac=01:00:00:00:00:01;group address"
            })
    void shouldSayWhatIsWrongWithAPort(String text, String message) {
        assertThatThrownBy(() -> NicPortOptions.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void shouldWantTwoPortsWithSocketsOfTheirOwn() {
        var port = NicPortOptions.parse("a.sock");
        assertThatThrownBy(() -> NicOptions.of(port)).hasMessageContaining("2 to 64 ports, not 1");
        assertThatThrownBy(() -> NicOptions.of(port, port.withName("other")))
                .hasMessageContaining("the same socket");
    }

    @Test
    void shouldWantQueuesWithinLimits() {
        var disk = DiskOptions.of(Path.of("a.sock"), Path.of("a.raw"));
        assertThatThrownBy(() -> disk.withQueues(0)).hasMessageContaining("1 to 64 queues, not 0");
        assertThatThrownBy(() -> disk.withQueues(65)).hasMessageContaining("not 65");
    }
}
