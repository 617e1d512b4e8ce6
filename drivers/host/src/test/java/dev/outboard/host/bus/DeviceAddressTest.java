package dev.outboard.host.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceAddressTest {
    @ParameterizedTest
    @CsvSource({
        "vhost-user:nic0.sock, nic0",
        "vhost-user:/run/outboard/disk.sock, disk",
        "vhost-user:./a/b, b",
        "vhost-user:.sock, .sock",
        "vhost-user:a:b.sock, a:b"
    })
    void shouldNameTheDeviceAfterItsSocket(String text, String name) {
        var address = DeviceAddress.parse(text);

        assertThat(address.deviceName()).isEqualTo(name);
        assertThat(address).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"isa:0x300", "nic0.sock", "", ":", ":x", "VHOST-USER:x"})
    void shouldListWhatThereIsForAnUnknownScheme(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse(text))
                .withMessageContaining("'" + text + "' is no device address")
                .withMessageContaining("vhost-user:PATH");
    }

    @Test
    void shouldWantAPlaceOnTheBus() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse("vhost-user:"))
                .withMessageContaining("names no device");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse("vhost-user:/"))
                .withMessageContaining("names no socket");
    }

    @Test
    void shouldCountThePathInBytesAsTheKernelDoes() {
        assertThat(DeviceAddress.parse("vhost-user:" + "x".repeat(107)).deviceName()).hasSize(107);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse("vhost-user:" + "x".repeat(108)))
                .withMessageContaining("108 bytes long and a UNIX socket takes 107");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse("vhost-user:" + "ü".repeat(54)))
                .withMessageContaining("108 bytes long");
    }
}
