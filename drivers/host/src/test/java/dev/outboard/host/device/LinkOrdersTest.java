package dev.outboard.host.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinkOrdersTest {
    private final List<String> done = new ArrayList<>();
    private final LinkedBlockingQueue<String> told = new LinkedBlockingQueue<>();
    private final LinkOrders orders = new LinkOrders(this::link, told::add);

    private void link(String port, boolean up) {
        if (port.equals("none")) {
            throw new IllegalArgumentException("the switch has no port none");
        }
        done.add(port + " " + up);
    }

    @Test
    void shouldPullACableOutAndPutItInAgain() throws InterruptedException {
        orders.follow(new BufferedReader(new StringReader("link nic0 down\n\n link  nic0 up \n")));
        assertThat(told.poll(30, TimeUnit.SECONDS)).isEqualTo("link of nic0 is down");
        assertThat(told.poll(30, TimeUnit.SECONDS)).isEqualTo("link of nic0 is up");
        assertThat(done).containsExactly("nic0 false", "nic0 true");
    }

    @ParameterizedTest
    @ValueSource(strings = {"link", "link nic0", "link nic0 sideways", "unlink nic0 up", "up"})
    void shouldSayWhatIsNoOrder(String line) {
        assertThat(orders.obey(line)).contains("is no order: write link NAME up");
        assertThat(done).isEmpty();
    }

    @Test
    void shouldSayThatThereIsNoSuchPort() {
        assertThat(orders.obey("link none up")).isEqualTo("the switch has no port none");
    }
}
