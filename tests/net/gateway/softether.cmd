HubCreate lab /PASSWORD:lab
Hub lab
UserCreate alice /GROUP:none /REALNAME:none /NOTE:none
UserPasswordSet alice /PASSWORD:wonderland
SecureNatEnable
IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:password@123 /DEFAULTHUB:lab
