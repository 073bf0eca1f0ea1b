#include <iostream>

#include "my_echo.cpp"

#include <prefork/testing.hpp>

int main() {
  auto tester = prefork::testkit::ServiceTester::of<MyEcho>();
  if (tester.exchange("hello") == "hello") return 0;
  std::cerr << "what came back is not what was sent\n";
  return 1;
}
